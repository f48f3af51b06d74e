"""Requests as people write them, in four languages, and what is understood of them."""

from itertools import pairwise

import pytest

from domain.assistant.phrases.parsing import parse
from domain.assistant.phrases.remark_texts import remark_text
from domain.assistant.phrases.requests import (
    Remark,
    RemarkCode,
    RequestConfidence,
    RequestPart,
)
from tests.support.phrases import phrases, situation

LANGUAGES = ("en", "de", "es", "fr")
# What they say about the date isn't read, but seen. "So" may be Sunday, or "about".
NOT_UNDERSTOOD = {
    "en": ["the Friday before Christmas at 8", "anything but Saturday"],
    "de": ["so 16 uhr 2h 3 pers", "Freitag vor Weihnachten"],
    "es": ["cualquier día menos el sábado"],
    "fr": ["demain en huit"],
}


def test_the_table_has_as_many_phrases_of_each_language() -> None:
    assert {each: len(phrases(each)) for each in LANGUAGES} == {
        "en": 97,
        "de": 89,
        "es": 86,
        "fr": 86,
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_phrases_but_six_are_understood(language: str) -> None:
    wrong = [each.text for each in phrases(language) if not each.is_right]

    assert wrong == NOT_UNDERSTOOD[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_date_is_given_for_those(language: str) -> None:
    given = [parse(each, situation(language)).dates for each in NOT_UNDERSTOOD[language]]

    assert given == [None] * len(given)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_wrong_date_is_ever_confident(language: str) -> None:
    dated = [(each, each.parsed) for each in phrases(language)]

    assert [
        phrase.text
        for phrase, parsed in dated
        if parsed.dates is not None
        and str(parsed.dates.first) not in phrase.expected.get("date", "").split("..")[0]
    ] == []
    assert [
        phrase.text
        for phrase, parsed in dated
        if "|" in phrase.expected.get("date", "")
        and parsed.confidence is not RequestConfidence.AMBIGUOUS
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_alternatives_differ(language: str) -> None:
    for phrase in phrases(language):
        found = phrase.parsed.alternatives
        assert all(one != other for one, other in pairwise(found)), phrase.text


def test_what_is_missing_is_asked_for_in_the_language_of_the_text() -> None:
    parsed = parse("Ein Tisch für vier am Samstag", situation())

    assert [(each.part, remark_text(each, parsed.language)) for each in parsed.missing] == [
        (RequestPart.START, "Um wie viel Uhr?"),
        (RequestPart.DURATION, "Wie lange?"),
    ]


def test_what_is_assumed_is_said() -> None:
    parsed = parse("me and 3 friends on freiday at 8", situation("en"))

    assert [(each.part, each.code) for each in parsed.assumed] == [
        (RequestPart.DATE, RemarkCode.SPELLING),
        (RequestPart.START, RemarkCode.OPENING_HOURS),
        (RequestPart.DATE, RemarkCode.NEXT_SUCH_DAY),
        (RequestPart.PARTY, RemarkCode.SPEAKER_COUNTED),
    ]


def test_a_time_that_was_said_is_an_instant() -> None:
    parsed = parse("am 12.12. um 20 Uhr", situation("de"))

    assert str(parsed.starts_at) == "2026-12-12 19:00:00+00:00"


def test_a_skipped_time_comes_with_the_next_one_that_exists() -> None:
    parsed = parse("Sunday 28 March 2027 at 02:30", situation("en"))

    (offered,) = parsed.alternatives
    assert (parsed.starts_at, str(offered.start)) == (None, "03:00")
    assert parsed.doubts == (Remark(RequestPart.START, RemarkCode.SKIPPED_TIME),)


def test_a_repeated_time_comes_as_both_instants() -> None:
    parsed = parse("Oct 31 2027 2:30 am", situation("en"))

    assert [str(each.starts_at) for each in parsed.alternatives] == [
        "2027-10-31 00:30:00+00:00",
        "2027-10-31 01:30:00+00:00",
    ]


def test_an_abbreviation_of_two_zones_comes_as_two_times() -> None:
    parsed = parse("tomorrow at 6pm CST", situation("en"))

    assert [str(each.starts_at) for each in parsed.alternatives] == [
        "2026-12-03 11:00:00+01:00",
        "2026-12-04 01:00:00+01:00",
    ]
    assert Remark(RequestPart.START, RemarkCode.ZONE_NAME) in parsed.doubts


def test_on_a_sunday_english_weeks_may_have_begun() -> None:
    parsed = parse("next Friday at 7pm", situation("en", now="2026-12-06T10:00"))

    assert [str(each.dates and each.dates.first) for each in parsed.alternatives] == [
        "2026-12-11",
        "2026-12-18",
    ]


def test_a_text_about_something_else_is_not_understood() -> None:
    parsed = parse("What is the meaning of life?", situation("en"))

    assert parsed.confidence is RequestConfidence.NOT_UNDERSTOOD


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_remark_has_a_text(language: str) -> None:
    parts = [Remark(part, RemarkCode.NOT_SAID) for part in RequestPart]
    others = [Remark(RequestPart.DATE, each) for each in RemarkCode]

    texts = {remark_text(each, language) for each in (*parts, *others)}

    assert len(texts) == len(RequestPart) + len(RemarkCode) - 1


@pytest.mark.parametrize(
    "text",
    [
        "12 " * 166,
        "wensday thuesday " * 29,
        "the day after " * 35,
        "1/2/3-4-5.6.7:8 " * 31,
        "halb viertel vor " * 29,
        "99999999999999999999999999 hours for 0 people on 0/0/0000",
        "in 999 months for 999 people in 999 weeks",
        "Friday 31.12.9999 23:59",
        "\N{ZERO WIDTH SPACE} \N{SNOWMAN} \x00",
    ],
    ids=["numbers", "typos", "days", "marks", "clocks", "large", "far", "end", "odd"],
)
def test_any_text_is_answered(text: str) -> None:
    for language in LANGUAGES:
        assert parse(text, situation(language)).language in LANGUAGES
