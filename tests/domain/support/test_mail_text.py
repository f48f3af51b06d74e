"""What somebody has written in a mail, without what their program quotes below."""

import pytest

from domain.support.mail_text import answer_in, text_of_html

ANSWERS = {
    "nothing quoted": ("Yes, at six.\n", "Yes, at six."),
    "english": (
        "Yes, at six.\n\nOn Mon, 1 Mar 2027 at 10:00, Boom <reply@x.test> wrote:\n> When?\n",
        "Yes, at six.",
    ),
    "english, on two lines": (
        "Yes.\n\nOn Mon, 1 Mar 2027 at 10:00, Boom\n<reply@x.test> wrote:\n\n> When?\n",
        "Yes.",
    ),
    "german": (
        "Um sechs.\n\nAm 01.03.2027 um 10:00 schrieb Boom <r@x.test>:\n> Wann?",
        "Um sechs.",
    ),
    "french": ("À six heures.\n\nLe lun. 1 mars 2027, Boom a écrit :\n> Quand ?", "À six heures."),
    "spanish": ("A las seis.\n\nEl lun, 1 mar 2027, Boom escribió:\n> ¿Cuándo?", "A las seis."),
    "outlook": (
        "At six.\n\n____________________________\nFrom: Boom\nSent: Monday\n\nWhen?",
        "At six.",
    ),
    "outlook, headers alone": (
        "Um sechs.\n\nVon: Boom <r@x.test>\nGesendet: Montag\nAn: Remy\n\nWann?",
        "Um sechs.",
    ),
    "signature": ("At six.\n-- \nRemy Waters\n+1 212 555 0100", "At six."),
    "between the lines": (
        "On Monday, Boom wrote:\n> When?\nAt six.\n> How many?\nFour.\n",
        "On Monday, Boom wrote:\nAt six.\nFour.",
    ),
    "a sentence that only sounds like it": (
        "On the phone you wrote: six.\nIs that right?",
        "On the phone you wrote: six.\nIs that right?",
    ),
    "only a quote": ("> When?\n", ""),
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_the_answer_stands_above_or_between_what_is_quoted(name: str) -> None:
    text, answer = ANSWERS[name]

    assert answer_in(text) == answer


def test_html_is_read_as_it_is_shown() -> None:
    source = (
        "<html><head><style>p { color: red }</style><title>Re</title></head><body>"
        "<p>At&nbsp;six,\nplease.<br>Four of us.</p><div>Thanks &amp; bye</div>"
        '<div class="gmail_quote"><div>On Monday, Boom wrote:</div>When?</div>'
        "<blockquote>How many?</blockquote><script>alert(1)</script></body></html>"
    )

    assert text_of_html(source) == "At six, please.\nFour of us.\n\nThanks & bye"


def test_html_without_end_is_read_at_once() -> None:
    # Python's own parser takes minutes for these.
    assert text_of_html("<a " * 60_000) == ("<a " * 60_000).strip()
    assert text_of_html("<!--" * 50_000) == ""


def test_html_that_is_cut_off_keeps_what_was_written() -> None:
    assert text_of_html("<p>At six<div <b") == "At six<div <b"
