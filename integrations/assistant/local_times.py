"""Free times, proposals of bookings, and why a time can't be booked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from domain.assistant.phrases.remark_texts import remark_text
from domain.assistant.phrases.requests import (
    BudgetPer,
    ParsedRequest,
    Remark,
    RemarkCode,
    RequestPart,
)
from integrations.assistant.local_intents import Intent
from integrations.assistant.local_steps import Call, Step, Turn

_SHOWN: Final = 3
_LAST: Final = 24 * 60
_USUAL_MINUTES: Final = 60


def times(turn: Turn) -> Step:
    """Finds free times for what is asked for, and proposes a booking of the one that is chosen."""
    found = turn.dialogue
    if question := asked_back(turn):
        return question
    if proposed := turn.result("propose_booking"):
        return _proposed(turn, proposed)
    request = found.request
    if request.start is not None:
        exact = turn.result("find_free_times")
        if exact is None:
            return Call("find_free_times", _exact(turn))
        slots = exact["slots"]
        if slots and (found.is_order or found.is_offered) and found.intent is Intent.TIMES:
            return _propose(turn, slots[0])
        if slots:
            return _offered(turn, "times", slots)
    suggested = _suggested(turn)
    if suggested is None:
        return _suggest(turn)
    slots = suggested["slots"]
    if not slots:
        return turn.words.text("none_free")
    if found.is_offered and found.choice is not None and found.choice < len(slots):
        return _propose(turn, slots[found.choice])
    return _offered(turn, "times" if request.start is None else "other_times", slots)


def reasons(turn: Turn) -> Step:
    """Says which rules refuse a time of a room."""
    request = turn.dialogue.request
    if question := asked_back(turn):
        return question
    room = _room(turn)
    if room is None or request.dates is None or request.start is None:
        return turn.words.text("which_room")
    explained = turn.result("explain_slot")
    if explained is None:
        return Call(
            "explain_slot",
            {
                "room_id": room["room_id"],
                "start": f"{request.dates.first}T{request.start}",
                "duration_minutes": request.duration_minutes or _USUAL_MINUTES,
                "party_size": request.party_size,
            },
        )
    slot = explained["slot"]
    if not explained["reasons"]:
        return turn.words.text("free", what=_what(turn, slot)) + f"[[{slot['id']}]]"
    what = f"{_what(turn, slot)}[[{explained['reasons'][0]['id']}]]"
    lines = [f"- {each['message']}[[{each['id']}]]" for each in explained["reasons"]]
    return "\n".join([turn.words.text("because", what=what), *lines])


def asked_back(turn: Turn) -> str | None:
    """Returns the question that has to be answered before a date is known, if there is one."""
    request, words = turn.dialogue.request, turn.words
    if request.alternatives:
        doubts = " ".join(remark_text(each, request.language) for each in request.doubts)
        lines = [f"{n}. {words.reading(each)}" for n, each in enumerate(request.alternatives, 1)]
        return "\n".join([doubts, *lines, words.text("which_time")])
    if request.dates is not None:
        return None
    code = next((each.code for each in request.missing if each.part is RequestPart.DATE), None)
    question = remark_text(Remark(RequestPart.DATE, RemarkCode.NOT_SAID), request.language)
    if code in (None, RemarkCode.NOT_SAID):
        return question
    return f"{remark_text(Remark(RequestPart.DATE, code), request.language)} {question}"


def _exact(turn: Turn) -> dict[str, Any]:
    request = turn.dialogue.request
    room = _room(turn)
    return {
        **_dates(request),
        "time_from": str(request.start),
        "time_until": str(request.start),
        "duration_minutes": request.duration_minutes,
        "party_size": request.party_size,
        "room_id": room["room_id"] if room else None,
    }


def _suggested(turn: Turn) -> Mapping[str, Any] | None:
    """Returns what a call for times around what is wished for has found."""
    if "suggest_times" in turn.tools:
        return turn.result("suggest_times")
    found = turn.results("find_free_times")
    exact = 0 if turn.dialogue.request.start is None else 1
    return found[exact] if len(found) > exact else None


def _suggest(turn: Turn) -> Step:
    """Returns a call for times around what is wished for."""
    request = turn.dialogue.request
    hours = request.hours
    given: dict[str, Any] = {
        **_dates(request),
        "time_from": str(hours.from_) if hours else None,
        # Times after midnight are of the next date, which the tools have no time for.
        "time_until": str(hours.until) if hours and hours.until.minutes < _LAST else None,
        "duration_minutes": request.duration_minutes,
        "party_size": request.party_size,
    }
    if "suggest_times" not in turn.tools:
        return Call("find_free_times", {**given, "room_id": None})
    if request.start is not None:
        given |= {"time_from": str(request.start), "time_until": str(request.start)}
    budget = request.budget
    price = budget.amount if budget and budget.per is BudgetPer.BOOKING else None
    wishes = request.room_name or request.category
    return Call("suggest_times", {**given, "max_price": price, "wishes": wishes})


def _dates(request: ParsedRequest) -> dict[str, Any]:
    assert request.dates is not None
    return {"date_from": str(request.dates.first), "date_until": str(request.dates.last)}


def _offered(turn: Turn, key: str, slots: Sequence[Mapping[str, Any]]) -> str:
    shown = slots[:_SHOWN]
    prices = {each["price"] for each in shown if each.get("price")}
    cheapest = min(prices, key=_amount) if len(prices) > 1 else None
    lines = []
    for number, slot in enumerate(shown, 1):
        why = list(_why(turn, slot, cheapest))
        text = f"{number}. {_what(turn, slot)}{_price(turn, slot)}[[{slot['id']}]]"
        lines.append(f"{text} ({', '.join(why)})" if why else text)
    return turn.listed(key, lines, then="choose")


def _why(turn: Turn, slot: Mapping[str, Any], cheapest: str | None) -> list[str]:
    """Returns what speaks for a time, as far as the slot itself shows it."""
    request, start = turn.dialogue.request, slot["start"][-5:]
    hours = request.hours
    said = []
    if start == str(request.start) or (hours and str(hours.from_) <= start <= str(hours.until)):
        said.append("wished_time")
    if request.room_name == slot["room"]:
        said.append("wished_room")
    if cheapest is not None and slot.get("price") == cheapest:
        said.append("cheapest")
    return [turn.words.text(each) for each in said]


def _propose(turn: Turn, slot: Mapping[str, Any]) -> Step:
    if "propose_booking" not in turn.tools:
        return _offered(turn, "times", [slot])
    minutes = datetime.fromisoformat(slot["end"]) - datetime.fromisoformat(slot["start"])
    return Call(
        "propose_booking",
        {
            "room_id": slot["room_id"],
            "start": slot["start"],
            "duration_minutes": int(minutes.total_seconds() // 60),
            "party_size": turn.dialogue.request.party_size,
            "note": None,
            "customer_id": None,
            "customer_name": None,
        },
    )


def _proposed(turn: Turn, result: Mapping[str, Any]) -> str:
    proposal = result["proposal"]
    what = f"{proposal_text(turn, proposal)}{_price(turn, proposal)}[[{proposal['id']}]]"
    return turn.words.text("proposed", what=what)


def proposal_text(turn: Turn, proposal: Mapping[str, Any]) -> str:
    """Returns what a proposal is about: its room and its start."""
    summary = proposal["summary"]
    room = str(summary.get("text", "")).partition(",")[0]
    return f"{room}, {turn.words.moment(datetime.fromisoformat(summary['start']))}"


def _what(turn: Turn, slot: Mapping[str, Any]) -> str:
    return f"{slot['room']}, {turn.words.moment(datetime.fromisoformat(slot['start']))}"


def _price(turn: Turn, priced: Mapping[str, Any]) -> str:
    price = priced.get("price")
    return f", {turn.words.money(price)}" if price else ""


def _amount(price: str) -> float:
    return float(price.partition(" ")[0])


def _room(turn: Turn) -> Mapping[str, Any] | None:
    wanted = turn.dialogue.request.room_name
    return next((each for each in turn.facts.get("rooms", []) if each["name"] == wanted), None)
