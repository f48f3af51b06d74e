"""Names: visible characters, sort keys and search forms."""

import pytest

from domain.core.text import search_form, sort_key, tidy_name


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "\u00ad\u2060", "\u3164", "\u2800 \u034f"])
def test_what_cannot_be_seen_is_no_name(text: str) -> None:
    assert tidy_name(text) == ""


@pytest.mark.parametrize("text", ["Ann", "\u0646\u0627\u0645\u200c\u0647\u0627", "❤\ufe0f"])
def test_a_name_keeps_what_joins_its_letters(text: str) -> None:
    assert tidy_name(f" {text}\n") == text


def test_names_sort_by_letters_then_accents_then_case() -> None:
    names = ["zebra", "Zoe", "Émile", "Emile", "emile", "Ärger", "Anna", "Ørsted", "Olaf", "Decker"]

    assert sorted(["De Vries", "日本", "Ρένα", *names], key=sort_key) == [
        "Anna",
        "Ärger",
        "De Vries",
        "Decker",
        "emile",
        "Emile",
        "Émile",
        "Olaf",
        "Ørsted",
        "zebra",
        "Zoe",
        "Ρένα",
        "日本",
    ]


def test_both_normal_forms_of_a_name_sort_as_one() -> None:
    assert sort_key("Zoe\u0308") == sort_key("Zoë")


def test_the_key_of_a_plain_name_is_its_letters() -> None:
    assert sort_key("ab") == "1c471c60.."


def test_no_name_has_a_key_too_long_for_an_index() -> None:
    assert len(sort_key("\ufdfa" * 100)) == 800


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("  Zoë   Müller ", "zoe muller"),
        ("Zoe\u0308", "zoe"),
        ("\uff21\uff22\uff23 \ufb01", "abc fi"),
        ("Straße", "strasse"),
        ("Łódź Ørsted Æther", "lodz orsted aether"),
        ("\u0130stanbul \u0131s\u0131", "istanbul isi"),
        ("soft\u00adhyphen\u200b", "softhyphen"),
        ("Ёлка", "елка"),
        ("שָׁלוֹם", "שלום"),
        ("ガギ", "ガギ"),
        ("क्त", "क्त"),
        ("100%_/\\", "100%_/\\"),
        ("", ""),
    ],
)
def test_a_text_is_found_without_case_accents_and_what_cannot_be_seen(
    text: str, found: str
) -> None:
    assert search_form(text) == found
