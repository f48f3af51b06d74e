"""The product's texts: complete in every language, with the same variables, and short as SMS."""

import re
from itertools import product
from pathlib import Path

import pytest

from domain.notifications.kinds import TICKET_KINDS, Channel, NotificationKind
from domain.notifications.languages import LANGUAGES, language_of
from domain.notifications.letters import letter
from domain.notifications.product_texts import labels, product_template
from domain.notifications.sms import SmsEncoding, sms_length
from domain.notifications.templates import Template, filled, template_refusals
from domain.notifications.variables import DESCRIPTIONS, Variable, variables_of

VALUES = {
    Variable.VENUE: "Boom Karaoke",
    Variable.NAME: "Remy Waters",
    Variable.FIRST_NAME: "Remy",
    Variable.CUSTOMER: "Remy Waters",
    Variable.ROOMS: "Disco Den",
    Variable.DATE: "Fri, Jan 8",
    Variable.TIME: "19:00-21:00",
    Variable.GUESTS: "4",
    Variable.REFERENCE: "D967-HBX2",
    Variable.AMOUNT: "76.00",
    Variable.DEADLINE: "Fri, Jan 8, 18:00",
    Variable.COUNT: "12",
}
OF_BOOKINGS = {*NotificationKind} - TICKET_KINDS - {NotificationKind.STAFF_DIGEST}
ALL = {
    "all": {*NotificationKind},
    "all of bookings": OF_BOOKINGS,
    "all of tickets": TICKET_KINDS,
    "all but those of tickets": {*NotificationKind} - TICKET_KINDS,
}
PLACES = list(product(NotificationKind, Channel))


def used(template: Template) -> set[str]:
    """Returns the variables of a template; how people are greeted differs by language."""
    names = set(re.findall(r"\{(\w+)\}", f"{template.subject} {template.body}"))
    return names - {"name", "first_name"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_a_text_for_every_channel_that_a_venue_could_save(language: str) -> None:
    refused = {
        (kind, channel): list(template_refusals(kind, channel, text))
        for kind, channel in PLACES
        if (text := product_template(kind, channel, language))
    }

    assert len(refused) == 76
    assert [place for place, each in refused.items() if each] == []


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_the_texts_of_all_languages_have_the_same_variables(language: str) -> None:
    english = {place: used(product_template(*place, "en")) for place in PLACES}

    assert {place: used(product_template(*place, language)) for place in PLACES} == english
    assert labels(language).keys() == labels("en").keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_sms_of_the_product_is_one_segment_without_its_link(language: str) -> None:
    lengths = {
        kind: sms_length(filled(product_template(kind, Channel.SMS, language).body, VALUES))
        for kind in NotificationKind
    }

    assert {each.encoding for each in lengths.values()} == {SmsEncoding.GSM_7}
    assert {kind: each.units for kind, each in lengths.items() if each.segments > 1} == {}


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de-AT", "de"), ("es_419", "es"), ("fr", "fr"), ("nl-BE", "en"), (None, "en"), ("x", "en")],
    ids=str,
)
def test_recipients_of_other_languages_are_written_to_in_english(
    locale: str | None, language: str
) -> None:
    assert language_of(locale) == language


def test_every_variable_is_described_and_belongs_to_a_kind() -> None:
    known = {each for kind in NotificationKind for each in variables_of(kind)}

    assert known == set(Variable) == DESCRIPTIONS.keys()


def test_the_guide_describes_every_variable_and_its_kinds() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "messages.md").read_text()
    rows = re.findall(r"^\| `\{(\w+)\}` \| (.*) \| (.*) \|$", guide, re.MULTILINE)

    assert [(Variable(name), text) for name, text, _ in rows] == list(DESCRIPTIONS.items())
    for name, _, kinds in rows:
        has = {kind.value for kind in NotificationKind if name in variables_of(kind)}
        named = set(re.findall(r"`(\w+)`", kinds))
        assert ALL.get(kinds, named) == has


def test_a_mail_shows_what_is_known_of_the_booking_in_a_table() -> None:
    mail = letter(
        NotificationKind.BOOKING_CONFIRMED,
        "en",
        subject="Confirmed",
        text="Hello Remy,\n\nyour booking is confirmed.",
        values=VALUES,
        unsubscribe_url="",
    )

    assert mail.details == [
        ("When", "Fri, Jan 8\n19:00-21:00"),
        ("Room", "Disco Den"),
        ("Guests", "4"),
        ("Reference", "D967-HBX2"),
    ]
    assert (mail.paragraphs, mail.button, mail.unsubscribe) == (
        ["Hello Remy,", "your booking is confirmed."],
        None,
        None,
    )
