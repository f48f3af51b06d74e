"""Articles as text: words, passages and excerpts."""

from domain.support.articles import (
    article_refusals,
    configuration_of,
    excerpt,
    known_words,
    passages,
    plain_text,
    words_of,
)


def test_markdown_becomes_plain_text() -> None:
    body = (
        "## Parking\n\n- Two places **behind** the house, see [the map](https://example.com/map)."
    )

    assert plain_text(body) == "Parking\n\nTwo places behind the house, see the map."


def test_words_are_lower_case_and_each_once() -> None:
    assert words_of("Wi-Fi, WI-FI and l'été!") == ["wi", "fi", "and", "l", "été"]


def test_short_words_are_not_compared_with_misspelt_ones() -> None:
    assert known_words("Für die Größe", "die Größe zählt") == "grosse zahlt"


def test_a_long_article_has_passages_that_begin_with_its_title() -> None:
    body = "\n\n".join(["one " * 200, "two " * 200, "three " * 300])

    found = passages("Numbers", body)

    assert [each.split()[:2] for each in found] == [
        ["Numbers", "one"],
        ["Numbers", "two"],
        ["Numbers", "three"],
        ["Numbers", "three"],
    ]


def test_an_excerpt_is_the_paragraph_with_most_of_the_words() -> None:
    body = "We have rooms.\n\nThe **cancellation** of a booking is free.\n\nA booking is nice."

    assert excerpt(body, ["cancellation", "booking"]) == "The cancellation of a booking is free."


def test_an_excerpt_of_a_long_paragraph_begins_near_the_word() -> None:
    found = excerpt("word " * 200 + "dogs are welcome " + "word " * 200, ["dogs"])

    assert "dogs are welcome" in found
    assert len(found) <= 300
    assert (found[0], found[-1]) == ("…", "…")


def test_a_language_has_its_own_stems_and_others_none() -> None:
    locales = ("en-US", "de", "es_MX", "fr-CA", "pt-BR")

    assert [*map(configuration_of, locales)] == [
        "english",
        "german",
        "spanish",
        "french",
        "simple",
    ]


def test_an_article_needs_a_title_a_text_and_a_known_locale() -> None:
    refused = article_refusals(title="", body=" \n", locale="klingon", tags=["a" * 51])

    assert [each.path for each in refused] == [("title",), ("body",), ("locale",), ("tags",)]
