"""Conversations with the local assistant: which tools it calls, and what it answers."""

import pytest

from integrations.assistant.local import LocalModel
from integrations.assistant.protocol import Finished, TextDelta, UserMessage
from tests.support.local_talk import BOOKING, FACTS, OTHER, SLOTS, Conversation, proposal


async def test_a_guest_books_in_german_after_being_asked_which_friday() -> None:
    talk = Conversation(
        {
            "venue_facts": FACTS,
            "suggest_times": {"slots": SLOTS, "more": False},
            "propose_booking": proposal("BOOKING"),
        },
        locale="de",
    )

    asked = await talk.says("Ein Raum für acht nächsten Freitagabend")
    offered = await talk.says("der zweite")
    suggested = talk.calls[-1]
    proposed = await talk.says("die zweite bitte")

    assert asked == (
        "Welche Woche ist gemeint?\n1. Fr., 4. Dez.\n2. Fr., 11. Dez.\nWas davon meinen Sie?"
    )
    assert suggested == (
        "suggest_times",
        {
            "date_from": "2026-12-11",
            "date_until": "2026-12-11",
            "time_from": "18:00",
            "time_until": None,
            "duration_minutes": None,
            "party_size": 8,
            "max_price": None,
            "wishes": None,
        },
    )
    assert offered == (
        "Diese Zeiten sind frei:\n"
        "1. Disco Den, Fr., 11. Dez., 19:00, 48,00\xa0€[[slot:2/2026-12-11T19:00/60]] "
        "(zur gewünschten Zeit)\n"
        "2. Blue Room, Fr., 11. Dez., 20:00, 38,00\xa0€[[slot:1/2026-12-11T20:00/60]] "
        "(zur gewünschten Zeit, davon am günstigsten)\n"
        "Welche soll ich vorbereiten?"
    )
    assert talk.calls[-1][1] == {
        "room_id": "1",
        "start": "2026-12-11T20:00",
        "duration_minutes": 60,
        "party_size": 8,
        "note": None,
        "customer_id": None,
        "customer_name": None,
    }
    assert proposed == (
        "Ich habe es vorbereitet: Blue Room, Fr., 11. Dez., 20:00, 38,00\xa0€[[proposal:9]]. "
        "Gebucht ist erst, wenn Sie bestätigen."
    )


async def test_a_time_that_is_free_is_proposed_at_once_to_who_wants_to_book() -> None:
    talk = Conversation(
        {
            "venue_facts": FACTS,
            "find_free_times": {"slots": SLOTS[1:], "more": False},
            "propose_booking": proposal("BOOKING"),
        }
    )

    answer = await talk.says("Book the Blue Room on December 11 at 8 for four")

    assert talk.called == ["venue_facts", "find_free_times", "propose_booking"]
    assert talk.calls[1][1] == {
        "date_from": "2026-12-11",
        "date_until": "2026-12-11",
        "time_from": "20:00",
        "time_until": "20:00",
        "duration_minutes": None,
        "party_size": 4,
        "room_id": "1",
    }
    assert answer == (
        "I've prepared it: Blue Room, Fri, Dec 11, 8:00\u202fPM, €38.00[[proposal:9]]. "
        "Nothing is booked until you confirm it."
    )


async def test_a_time_that_is_taken_gets_others() -> None:
    talk = Conversation(
        {
            "venue_facts": FACTS,
            "find_free_times": {"slots": [], "more": False},
            "suggest_times": {"slots": SLOTS, "more": False},
        },
        locale="fr",
    )

    answer = await talk.says("réserver une salle vendredi 11 décembre à 21h pour six")

    assert talk.called == ["venue_facts", "find_free_times", "suggest_times"]
    assert answer.startswith("Ce créneau n'est pas libre. Ceux-ci le sont :\n1. Disco Den, ven.")


async def test_without_suggestions_the_free_times_of_the_day_are_offered() -> None:
    talk = Conversation(
        {"venue_facts": FACTS, "find_free_times": {"slots": SLOTS, "more": False}},
        tools=["venue_facts", "find_free_times"],
    )

    answer = await talk.says("What is free on December 11 in the evening?")

    assert talk.called == ["venue_facts", "find_free_times"]
    assert answer.startswith("These times are free:\n1. Disco Den")


async def test_a_missing_date_is_asked_for_and_the_rest_is_remembered() -> None:
    talk = Conversation({"venue_facts": FACTS, "suggest_times": {"slots": [], "more": False}})

    asked = await talk.says("Do you have anything free for six people, two hours?")
    answer = await talk.says("on Saturday")

    assert asked == "On which date?"
    assert (talk.calls[-1][1]["party_size"], talk.calls[-1][1]["duration_minutes"]) == (6, 120)
    assert talk.calls[-1][1]["date_from"] == "2026-12-05"
    assert answer == "I found no free time for that. Does another date suit you?"


async def test_a_past_date_is_said() -> None:
    talk = Conversation({"venue_facts": FACTS}, locale="es")

    assert await talk.says("Quiero reservar ayer a las 20:00") == (
        "Ese día ya ha pasado. ¿Qué día?"
    )


async def test_a_customer_cancels_one_of_two_bookings() -> None:
    talk = Conversation(
        {
            "my_bookings": {"bookings": [BOOKING, OTHER], "more": False},
            "propose_cancellation": proposal("CANCELLATION"),
        }
    )

    asked = await talk.says("Please cancel my booking")
    answer = await talk.says("D967-HBX2")

    assert asked.splitlines() == [
        "These are the bookings:",
        "- D967-HBX2: Blue Room, Sat, Dec 5, 8:00\u202fPM (4)[[booking:D967-HBX2]]",
        "- K2M4-PQ7Z: Blue Room, Sat, Dec 5, 8:00\u202fPM (4)[[booking:K2M4-PQ7Z]]",
        "Which one do you mean, by its reference?",
    ]
    assert talk.calls[-1] == (
        "propose_cancellation",
        {"reference": "D967-HBX2", "reason": None},
    )
    assert answer.startswith("I've prepared the cancellation of Blue Room, Sat, Dec 5")


async def test_the_booking_that_is_moved_is_remembered() -> None:
    talk = Conversation(
        {
            "venue_facts": FACTS,
            "my_bookings": {"bookings": [BOOKING, OTHER], "more": False},
            "propose_reschedule": proposal("RESCHEDULE"),
        }
    )

    await talk.says("move my booking")
    asked = await talk.says("D967-HBX2")
    await talk.says("to Sunday at 9pm")

    assert asked == (
        "To which date and time shall I move D967-HBX2, Blue Room, Sat, Dec 5, "
        "8:00\u202fPM[[booking:D967-HBX2]]?"
    )
    assert (talk.calls[-1][1]["reference"], talk.calls[-1][1]["start"]) == (
        "D967-HBX2",
        "2026-12-06T21:00",
    )


async def test_and_on_sunday_asks_the_same_of_another_day() -> None:
    talk = Conversation({"venue_facts": FACTS}, locale="de")

    await talk.says("Was habt ihr am Samstag geöffnet?")

    assert await talk.says("und am Sonntag?") == (
        "Öffnungszeiten:\n- So., 6. Dez.: 14:00\N{EN DASH}02:00[[hours:2026-12-06]]"
    )


async def test_a_customer_moves_their_booking_and_keeps_its_time_of_day() -> None:
    talk = Conversation(
        {
            "venue_facts": FACTS,
            "my_bookings": {"bookings": [BOOKING], "more": False},
            "propose_reschedule": proposal("RESCHEDULE", "2026-12-06T20:00"),
        },
        locale="de",
    )

    answer = await talk.says("Können Sie meine Buchung auf Sonntag verschieben?")

    assert talk.calls[-1] == (
        "propose_reschedule",
        {
            "reference": "D967-HBX2",
            "start": "2026-12-06T20:00",
            "room_id": None,
            "duration_minutes": None,
        },
    )
    assert answer.startswith("Ich habe die Verschiebung vorbereitet: Blue Room, So., 6. Dez.")


async def test_staff_ask_who_comes_tonight() -> None:
    booked = BOOKING | {"customer": "Remy W.", "start": "2026-12-02T20:00"}
    talk = Conversation({"my_bookings": {"bookings": [booked], "more": False}})

    answer = await talk.says("who comes tonight?")

    assert talk.calls == [
        (
            "my_bookings",
            {"date_from": "2026-12-02", "date_until": "2026-12-02", "search": None},
        )
    ]
    assert answer.splitlines()[1] == (
        "- D967-HBX2: Blue Room, Wed, Dec 2, 8:00\u202fPM, Remy W. (4)[[booking:D967-HBX2]]"
    )


async def test_the_reasons_against_a_time_are_cited() -> None:
    slot = SLOTS[1] | {"id": "slot:1/2026-12-03T12:00/60", "start": "2026-12-03T12:00"}
    closed = {"id": "rule:OUTSIDE_BUSINESS_HOURS", "message": "Blue Room opens at 14:00."}
    talk = Conversation({"venue_facts": FACTS, "explain_slot": {"slot": slot, "reasons": [closed]}})

    answer = await talk.says("Why can't I have the Blue Room tomorrow at noon?")

    assert talk.calls[-1][1]["start"] == "2026-12-03T12:00"
    assert answer == (
        "Blue Room, Thu, Dec 3, 12:00\u202fPM[[rule:OUTSIDE_BUSINESS_HOURS]] can't be booked:\n"
        "- Blue Room opens at 14:00.[[rule:OUTSIDE_BUSINESS_HOURS]]"
    )


@pytest.mark.parametrize(
    ("text", "locale", "answer"),
    [
        (
            "Are you open on Saturday?",
            "en",
            "Opening hours:\n- Sat, Dec 5: 14:00\N{EN DASH}02:00[[hours:2026-12-05]]",
        ),
        (
            "Was kostet der Blue Room?",
            "de",
            "Preise pro Stunde:\n- Blue Room: 38,00\xa0€[[room:1]]",
        ),
        ("Merci !", "fr", "Je vous en prie !"),
    ],
    ids=["hours", "price", "thanks"],
)
async def test_facts_of_the_venue_are_told(text: str, locale: str, answer: str) -> None:
    assert await Conversation({"venue_facts": FACTS}, locale=locale).says(text) == answer


async def test_an_article_answers_and_is_cited() -> None:
    article = {"id": "article:7", "title": "Cakes", "excerpt": "You may bring your own cake."}
    talk = Conversation({"search_articles": {"articles": [article]}})

    assert await talk.says("Can I bring my own cake?") == (
        "Cakes: You may bring your own cake.[[article:7]]"
    )


async def test_what_no_article_answers_goes_to_a_person() -> None:
    talk = Conversation(
        {"search_articles": {"articles": []}, "propose_ticket": proposal("TICKET")}, locale="de"
    )

    answer = await talk.says("Darf mein Papagei mitsingen?")

    assert talk.calls[-1] == (
        "propose_ticket",
        {
            "subject": "Darf mein Papagei mitsingen?",
            "text": "Darf mein Papagei mitsingen?",
            "reference": None,
        },
    )
    assert answer.endswith("dann antwortet Ihnen ein Mensch.[[proposal:9]]")


async def test_a_question_about_something_else_does_not_go_on_with_the_booking() -> None:
    talk = Conversation(
        {
            "venue_facts": FACTS,
            "suggest_times": {"slots": SLOTS, "more": False},
            "search_articles": {"articles": []},
            "propose_ticket": proposal("TICKET"),
        },
        locale="de",
    )

    offered = await talk.says("Ein Raum für acht am 11. Dezember abends")
    unknown = await talk.says("Kann ich meinen Hund mitbringen?")

    assert offered.endswith("?")
    assert unknown.startswith("Das weiß ich nicht.")


async def test_a_guest_without_bookings_is_asked_to_log_in() -> None:
    talk = Conversation({}, tools=["venue_facts"])

    assert (await talk.says("cancel my booking")).startswith("Please log in")


async def test_a_failure_of_a_tool_is_said_once_and_ends_the_turn() -> None:
    failed = {"error": {"code": "THROTTLED", "message": "Too many requests."}}
    talk = Conversation({"venue_facts": failed})

    assert await talk.says("opening hours?") == "That didn't work: Too many requests."
    assert talk.called == ["venue_facts"]


async def test_the_text_is_streamed_in_pieces() -> None:
    request = Conversation({}).request([UserMessage("hello")])

    events = [each async for each in LocalModel().respond(request)]

    assert [type(each) for each in events[-2:]] == [TextDelta, Finished]
    assert all(len(each.text) <= 24 for each in events if isinstance(each, TextDelta))
