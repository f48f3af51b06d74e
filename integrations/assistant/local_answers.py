"""The next step of the local assistant: a call of a tool, or an answer."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from integrations.assistant.local_bookings import arrivals, bookings, cancel, move
from integrations.assistant.local_dialogue import called, dialogue
from integrations.assistant.local_figures import figures
from integrations.assistant.local_intents import Intent
from integrations.assistant.local_steps import Call, Step, Turn
from integrations.assistant.local_texts import Words
from integrations.assistant.local_times import reasons, times
from integrations.assistant.protocol import ModelRequest

_SUBJECT: Final = 80
_TICKET: Final = 2_000


def next_step(request: ModelRequest) -> Step:
    """Returns what to do next for a conversation: a call, whose result comes back, or a text."""
    done = called(request)
    facts = next((each.content for each in done if each.name == "venue_facts"), None)
    tools = {each.name for each in request.tools}
    found = dialogue(request, facts or {})
    if facts is None and "venue_facts" in tools and found.intent in _ABOUT_VENUE:
        return Call("venue_facts", {"date_from": None})
    words = Words(found.request.language, request.locale)
    turn = Turn(found, words, facts or {}, tools, done, request.now.date())
    failed = next((each.error for each in done if each.error is not None), None)
    if failed is not None:
        return words.text("failed", message=failed)
    return _ANSWERS[found.intent](turn)


def _hours(turn: Turn) -> Step:
    wanted = turn.dialogue.request.dates
    first = wanted.first if wanted else turn.today
    asked = turn.results("venue_facts")
    if wanted and not any(each["date"] == str(first) for each in turn.facts.get("hours", [])):
        if len(asked) == 1:
            return Call("venue_facts", {"date_from": str(first)})
        turn = turn.with_facts(asked[-1])
    last = wanted.last if wanted else first + timedelta(days=6)
    lines = [
        f"- {turn.words.date(date.fromisoformat(each['date']))}: "
        f"{', '.join(map(_clocks, each['open'])) or turn.words.text('closed')}"
        f"{_of(each)}[[{each['id']}]]"
        for each in turn.facts.get("hours", [])
        if first <= date.fromisoformat(each["date"]) <= last
    ]
    return turn.listed("hours", lines)


def _clocks(open_: str) -> str:
    """Returns hours with the closing time that a clock shows, for those that end after midnight."""
    opens, _, closes = open_.partition("-")
    hour, _, minute = closes.partition(":")
    return f"{opens}\N{EN DASH}{int(hour) % 24:02}:{minute}" if minute else open_


def _of(hours: Mapping[str, Any]) -> str:
    return f" ({', '.join(hours['rooms'])})" if hours.get("rooms") else ""


def _price(turn: Turn) -> Step:
    request = turn.dialogue.request
    if request.dates is not None and "find_free_times" in turn.tools:
        return times(turn)
    rates = [
        f"- {each['name']}: {turn.words.money(each['hourly_rate'])}[[{each['id']}]]"
        for each in turn.facts.get("rooms", [])
        if each.get("hourly_rate") and request.room_name in (None, each["name"])
    ]
    return turn.listed("rates", rates) if rates else turn.words.text("no_rates")


def _figures(turn: Turn) -> Step:
    return figures(turn) if "analytics_summary" in turn.tools else _question(turn)


def _question(turn: Turn) -> Step:
    """Answers by an article; if none is good enough, offers a message to a person."""
    if "search_articles" in turn.tools:
        found = turn.result("search_articles")
        if found is None:
            return Call("search_articles", {"query": turn.dialogue.question[:100]})
        if found["articles"]:
            best = found["articles"][0]
            return f"{best['title']}: {best['excerpt']}[[{best['id']}]]"
    return _ticket(turn, "ticket_proposed")


def _person(turn: Turn) -> Step:
    return _ticket(turn, "person")


def _ticket(turn: Turn, key: str) -> Step:
    if "propose_ticket" not in turn.tools:
        return turn.words.text("no_ticket")
    found = turn.result("propose_ticket")
    if found is None:
        text = turn.dialogue.question
        subject = " ".join(text.split())
        given = {"subject": subject[:_SUBJECT], "text": text[:_TICKET], "reference": None}
        return Call("propose_ticket", given)
    return turn.words.text(key) + f"[[{found['proposal']['id']}]]"


def _said(key: str) -> Callable[[Turn], Step]:
    return lambda turn: turn.words.text(key)


# What is read by the venue's hours and the names of its rooms.
_ABOUT_VENUE: Final = (Intent.TIMES, Intent.MOVE, Intent.WHY, Intent.HOURS, Intent.PRICE)
_ANSWERS: Final[Mapping[Intent, Callable[[Turn], Step]]] = {
    Intent.PERSON: _person,
    Intent.CANCEL: cancel,
    Intent.MOVE: move,
    Intent.ARRIVALS: arrivals,
    Intent.BOOKINGS: bookings,
    Intent.WHY: reasons,
    Intent.HOURS: _hours,
    Intent.FIGURES: _figures,
    Intent.PRICE: _price,
    Intent.GREETING: _said("hello"),
    Intent.THANKS: _said("thanks"),
    Intent.TIMES: times,
    Intent.QUESTION: _question,
}
