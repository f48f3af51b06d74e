"""Conversations with the local assistant that choose, change the subject, or ask about periods."""

from datetime import date

import pytest

from integrations.assistant.local_figures import period_in
from tests.support.local_talk import BOOKING, FACTS, OTHER, SLOTS, TOOLS, Conversation, proposal

BOOKINGS = {
    "venue_facts": FACTS,
    "my_bookings": {"bookings": [BOOKING, OTHER], "more": False},
    "suggest_times": {"slots": SLOTS, "more": False},
    "propose_cancellation": proposal("CANCELLATION"),
    "propose_reschedule": proposal("RESCHEDULE"),
}


@pytest.mark.parametrize(
    ("locale", "asks", "chooses"),
    [
        ("en", "What is free on December 11 for 4?", "book the first one"),
        ("en", "What is free on December 11 for 4?", "the first"),
        ("fr", "Qu'est-ce qui est libre le 11 décembre pour quatre ?", "le premier"),
    ],
    ids=["the first one", "the first", "le premier"],
)
async def test_the_first_of_the_offers_is_not_the_first_of_the_month(
    locale: str, asks: str, chooses: str
) -> None:
    talk = Conversation(
        {
            "venue_facts": FACTS,
            "suggest_times": {"slots": SLOTS, "more": False},
            "propose_booking": proposal("BOOKING"),
        },
        locale=locale,
    )

    await talk.says(asks)
    await talk.says(chooses)

    assert talk.calls[-1][0] == "propose_booking"
    assert talk.calls[-1][1]["start"] == "2026-12-11T19:00"


async def test_a_booking_is_chosen_from_those_that_were_shown() -> None:
    talk = Conversation(BOOKINGS)

    await talk.says("cancel my booking")
    await talk.says("the second one")

    assert talk.calls[-1][1] == {"reference": "K2M4-PQ7Z", "reason": None}


async def test_the_next_booking_is_the_first_one() -> None:
    talk = Conversation(BOOKINGS)

    await talk.says("Move my next booking")
    await talk.says("to Sunday at 9pm")

    assert talk.calls[-1][1]["reference"] == "D967-HBX2"


async def test_who_asks_what_is_free_is_not_asked_for_a_booking_again() -> None:
    talk = Conversation(BOOKINGS)

    await talk.says("cancel my booking")
    await talk.says("Is anything free on December 11 for 8?")

    assert talk.called[-1] == "suggest_times"


async def test_tonight_begins_in_the_evening() -> None:
    def booking(reference: str, start: str, end: str) -> dict[str, object]:
        return BOOKING | {"reference": reference, "start": start, "end": end}

    found = [
        booking("AAAA-0001", "2026-12-01T23:30", "2026-12-02T00:30"),
        booking("AAAA-0002", "2026-12-02T14:00", "2026-12-02T15:00"),
        booking("AAAA-0003", "2026-12-02T17:30", "2026-12-02T19:00"),
        booking("AAAA-0004", "2026-12-02T20:00", "2026-12-02T21:00"),
    ]
    talk = Conversation({"my_bookings": {"bookings": found, "more": False}})

    shown = (await talk.says("Who comes tonight?")).splitlines()

    assert [each[2:11] for each in shown[1:]] == ["AAAA-0003", "AAAA-0004"]


async def test_figures_are_those_of_the_named_period() -> None:
    figures = {
        "id": "figures:2026-11-23/2026-11-29",
        "bookings": 205,
        "cancelled": 20,
        "no_shows": 2,
        "booked_value": "9000.00 EUR",
        "revenue": "8000.00 EUR",
        "occupancy": 0.532,
    }
    talk = Conversation({"analytics_summary": {"figures": figures}})

    answer = await talk.says("How was last week?")

    assert talk.calls == [
        ("analytics_summary", {"date_from": "2026-11-23", "date_until": "2026-11-29"})
    ]
    assert answer == (
        "Mon, Nov 23 – Sun, Nov 29: 205 bookings, 20 of them cancelled; booked for €9,000.00; "  # noqa: RUF001
        "occupancy 53%.[[figures:2026-11-23/2026-11-29]]"
    )


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Wie war die Auslastung diese Woche?", date(2026, 11, 30), date(2026, 12, 2)),
        ("Wie hoch war der Umsatz letzten Monat?", date(2026, 11, 1), date(2026, 11, 30)),
        ("¿Cuántas reservas tuvimos este mes?", date(2026, 12, 1), date(2026, 12, 2)),
        ("Le chiffre d'affaires d'hier ?", date(2026, 12, 1), date(2026, 12, 1)),
        ("What is our revenue?", date(2026, 11, 2), date(2026, 12, 2)),
    ],
    ids=["this week", "last month", "this month", "yesterday", "none"],
)
def test_a_period_is_read_in_each_language(text: str, first: date, last: date) -> None:
    assert period_in(text, date(2026, 12, 2)) == (first, last)


async def test_the_team_is_offered_no_message_to_itself() -> None:
    tools = [each for each in TOOLS if each != "propose_ticket"]
    talk = Conversation({"search_articles": {"articles": []}}, tools=tools)

    assert await talk.says("Can I bring my dog?") == "I don't know that."
