"""Text of unverified people, made safe for mails."""

import pytest

from domain.core.formatting import unlinked


@pytest.mark.parametrize(
    "name", ["Blue Note", "St. Pauli", "Jürgen Groß", "Kim & Co.", "花見", "7:30"]
)
def test_a_usual_name_stays_as_it_is(name: str) -> None:
    assert unlinked(name) == name


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("visit evil.test now", "visit evil. test now"),
        ("www.evil.test", "www. evil. test"),
        ("https://evil.test/a?b=c", "https: / / evil. test/ a?b=c"),
        ("mailto:kim@evil.test", "mailto: kim@ evil. test"),
        ("evil。test", "evil。 test"),
        ("kim＠evil．test", "kim＠ evil． test"),  # noqa: RUF001
        ("ev\u200bil.test", "ev il. test"),
        ("two\r\n\r\nlines\u2028more", "two lines more"),
        ("\u202etset.live", "tset. live"),
        ("http://[::1]/", "http: / / [: :1]/"),
    ],
)
def test_nothing_becomes_a_link_or_a_second_line(typed: str, plain: str) -> None:
    assert unlinked(typed) == plain


def test_a_long_name_is_cut() -> None:
    assert unlinked("a" * 61) == "a" * 59 + "…"
    assert unlinked("a" * 60) == "a" * 60
