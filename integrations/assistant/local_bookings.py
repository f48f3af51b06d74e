"""The caller's bookings: what there are, who comes, and proposals to move or cancel one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from integrations.assistant.local_intents import means_next
from integrations.assistant.local_steps import Call, Step, Turn
from integrations.assistant.local_times import asked_back, proposal_text

_CLOSED: Final = ("CANCELLED", "COMPLETED", "NO_SHOW", "EXPIRED", "DECLINED")


def bookings(turn: Turn) -> Step:
    """Lists the coming bookings, or those on the dates that are asked for."""
    dates = turn.dialogue.request.dates
    first, last = (str(dates.first), str(dates.last)) if dates else (None, None)
    return _listed(turn, {"date_from": first, "date_until": last, "search": None})


def arrivals(turn: Turn) -> Step:
    """Lists who comes today, or on the dates and in the part of the day that are asked for."""
    request = turn.dialogue.request
    dates, hours = request.dates, request.hours
    first, last = (dates.first, dates.last) if dates else (turn.today, turn.today)
    since = f"{first}T{hours.from_ if hours else '00:00'}"
    given = {"date_from": str(first), "date_until": str(last), "search": None}
    return _listed(turn, given, first=str(first), since=since)


def cancel(turn: Turn) -> Step:
    """Proposes to cancel a booking, or asks which one."""
    found = _booking(turn)
    if isinstance(found, Call | str):
        return found
    proposed = turn.result("propose_cancellation")
    if proposed is None:
        given = {"reference": found["reference"], "reason": None}
        return Call("propose_cancellation", given)
    what = f"{_what(turn, found)}[[{proposed['proposal']['id']}]]"
    return turn.words.text("cancel_proposed", what=what)


def move(turn: Turn) -> Step:
    """Proposes to move a booking, or asks which one, and to when."""
    found = _booking(turn)
    if isinstance(found, Call | str):
        return found
    proposed = turn.result("propose_reschedule")
    if proposed is not None:
        proposal = proposed["proposal"]
        what = f"{proposal_text(turn, proposal)}[[{proposal['id']}]]"
        return turn.words.text("move_proposed", what=what)
    request, now = turn.dialogue.request, datetime.fromisoformat(found["start"])
    if request.alternatives:
        return asked_back(turn) or ""
    if request.start is None and request.dates is None:
        what = f"{found['reference']}, {_what(turn, found)}[[{found['id']}]]"
        return turn.words.text("new_time", what=what)
    day = request.dates.first if request.dates else now.date()
    start = str(request.start) if request.start else f"{now:%H:%M}"
    return Call(
        "propose_reschedule",
        {
            "reference": found["reference"],
            "start": f"{day}T{start}",
            "room_id": None,
            "duration_minutes": request.duration_minutes,
        },
    )


def _booking(turn: Turn) -> Mapping[str, Any] | Step:
    """Returns the booking that is meant; a call to find it, or a question, until it is known."""
    if "my_bookings" not in turn.tools:
        return turn.words.text("log_in")
    found = turn.result("my_bookings")
    reference = turn.dialogue.reference
    if found is None:
        given = {"date_from": None, "date_until": None, "search": reference}
        return Call("my_bookings", given)
    open_ = [
        each
        for each in found["bookings"]
        if each["status"] not in _CLOSED and reference in (None, each["reference"])
    ]
    if not open_:
        return turn.words.text("no_bookings")
    if len(open_) == 1 or (reference is None and means_next(turn.dialogue.question)):
        only: Mapping[str, Any] = open_[0]
        return only
    return turn.listed("bookings", [_line(turn, each) for each in open_], then="which_booking")


def _listed(turn: Turn, given: Mapping[str, Any], *, first: str = "", since: str = "") -> Step:
    """Lists bookings; of those that were found, only those that start from ``first`` on and end
    after ``since``, a date and a time of local time."""
    if "my_bookings" not in turn.tools:
        return turn.words.text("log_in")
    found = turn.result("my_bookings")
    if found is None:
        return Call("my_bookings", given)
    lines = [
        _line(turn, each)
        for each in found["bookings"]
        if each["start"] >= first and each["end"] > since
    ]
    if not lines:
        return turn.words.text("no_bookings")
    return turn.listed("bookings", lines, then="more" if found.get("more") else None)


def _line(turn: Turn, booking: Mapping[str, Any]) -> str:
    who = f", {booking['customer']}" if booking.get("customer") else ""
    size = f" ({booking['party_size']})" if booking.get("party_size") else ""
    return f"- {booking['reference']}: {_what(turn, booking)}{who}{size}[[{booking['id']}]]"


def _what(turn: Turn, booking: Mapping[str, Any]) -> str:
    return f"{booking['room']}, {turn.words.moment(datetime.fromisoformat(booking['start']))}"
