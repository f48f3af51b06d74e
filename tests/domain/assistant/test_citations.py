"""What answers cite, while they are written and by sentences."""

import pytest

from domain.assistant.citations import (
    AnswerText,
    Source,
    as_json,
    from_json,
    parts_of,
    with_markers,
)

SLOT = Source("slot:1", "Room 1, 19:00", ("Room", "1"))
PRICE = Source("price:1", "40.00 EUR")


def answer() -> AnswerText:
    return AnswerText({each.id: each for each in (SLOT, PRICE)})


def test_markers_are_taken_out_however_the_text_is_cut() -> None:
    whole = "Free at 19:00[[slot:1]], for 40 €[[price:1, slot:1]]. A [b] stays, x[[made:up]] goes."
    for size in range(1, len(whole)):
        text = answer()

        shown = "".join(text.feed(whole[at : at + size]) for at in range(0, len(whole), size))
        shown += text.end()

        assert shown == "Free at 19:00, for 40 €. A [b] stays, x goes."
        assert text.length == len(shown)
        told, citations = text.finished(redacts=False)
        assert told == shown
        assert [(each.id, each.at) for each in citations] == [
            ("slot:1", 13),
            ("price:1", 23),
            ("slot:1", 23),
        ]


@pytest.mark.parametrize("text", ["a [[ b", "a [[" + "x" * 200 + "]] b", "a ["])
def test_what_is_no_marker_is_text(text: str) -> None:
    written = answer()

    assert written.feed(text) + written.end() == text


def test_a_text_keeps_its_markers_for_the_model() -> None:
    written = answer()
    written.feed("At 19:00[[slot:1]] for 40 €[[price:1]]: me@x.org[[slot:1]]")

    text, citations = written.finished(redacts=True)

    assert text == "At 19:00 for 40 €: [e-mail]"
    assert with_markers(text, citations) == (
        "At 19:00[[slot:1]] for 40 €[[price:1]]: [e-mail][[slot:1]]"
    )
    assert from_json([as_json(each) for each in citations]) == citations


def test_an_initial_ends_no_sentence() -> None:
    written = answer()
    written.feed("- Room 1, 8:00 PM, Kim C. (4)[[slot:1]]\n- am 4. 12. um 20:00[[slot:1]]. Bye")

    text, citations = written.finished(redacts=False)

    assert [(each.text, each.is_guess) for each in parts_of(text, citations)] == [
        ("- Room 1, 8:00 PM, Kim C. (4)\n", False),
        ("- am 4. 12. um 20:00. ", False),
        ("Bye", False),
    ]


def test_a_sentence_with_a_time_or_an_amount_and_no_source_is_a_guess() -> None:
    written = answer()
    written.feed("Hello! Free at 19:00[[slot:1]]. Maybe 8 pm.\nIt costs 40 EUR. Bye")

    text, citations = written.finished(redacts=False)
    parts = list(parts_of(text, citations))

    assert "".join(each.text for each in parts) == text
    assert [(each.text.strip(), len(each.citations), each.is_guess) for each in parts] == [
        ("Hello!", 0, False),
        ("Free at 19:00.", 1, False),
        ("Maybe 8 pm.", 0, True),
        ("It costs 40 EUR.", 0, True),
        ("Bye", 0, False),
    ]
