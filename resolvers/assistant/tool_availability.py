"""Tools that read what is free, why something isn't, and what it costs."""

from datetime import datetime
from typing import Any, Final

from domain.assistant.citations import Source
from domain.bookings.slots import SlotState
from domain.core.ids import RoomId
from kit.graphql.selected import Selected
from permissions.roles import P
from resolvers.assistant.tool_times import (
    DateText,
    Minutes,
    People,
    RoomRef,
    StartText,
    TimeText,
    dates,
    local,
    money,
    shown_slot,
    start_of,
)
from resolvers.assistant.tools import Caller, Parameters, Result, ToolSpec, failure
from resolvers.bookings.availability import AvailabilityQuery, availability, explain_slot
from resolvers.bookings.quotes import QuoteRequest, quote

MAX_SHOWN: Final = 15
_USUAL_MINUTES: Final = 60


class FindFreeTimes(Parameters):
    date_from: DateText
    date_until: DateText | None
    time_from: TimeText | None
    time_until: TimeText | None
    duration_minutes: Minutes | None
    party_size: People | None
    room_id: RoomRef | None


class SlotParameters(Parameters):
    room_id: RoomRef
    start: StartText
    duration_minutes: Minutes
    party_size: People | None


def usual_minutes(caller: Caller) -> int:
    """Returns how long a booking is that nobody has said the duration of."""
    tenant = caller.tenant
    return min(max(_USUAL_MINUTES, tenant.min_duration_minutes), tenant.max_duration_minutes)


async def find_free_times(caller: Caller, given: FindFreeTimes) -> Result:
    window = dates(given.date_from, given.date_until, caller.zone)
    async with caller.reading() as scope:
        start = max(window.start, scope.now())
        if start >= window.end:
            return failure("INVALID", "These dates are over.")
        found = await availability(
            scope,
            query=AvailabilityQuery(
                from_=start,
                to=window.end,
                duration_minutes=given.duration_minutes or usual_minutes(caller),
                room_ids=None if given.room_id is None else (RoomId(given.room_id),),
                party_size=given.party_size or 1,
            ),
            selected=Selected(frozenset({"slots"})),
        )
    fitting = [
        each
        for each in sorted(found.slots, key=lambda each: (each.starts_at, each.room.name))
        if _is_within(each.starts_at, given, caller)
    ]
    shown = [shown_slot(each, caller.zone) for each in fitting[:MAX_SHOWN]]
    return Result(
        {"slots": [slot for slot, _ in shown], "more": len(fitting) > MAX_SHOWN},
        [source for _, source in shown],
    )


def _is_within(start: datetime, given: FindFreeTimes, caller: Caller) -> bool:
    at = local(start, caller.zone)[-5:]
    return (given.time_from or "00:00") <= at <= (given.time_until or "24:00")


async def explain(caller: Caller, given: SlotParameters) -> Result:
    async with caller.reading() as scope:
        found = await explain_slot(
            scope,
            room_id=RoomId(given.room_id),
            start=start_of(given.start),
            duration_minutes=given.duration_minutes,
            party_size=given.party_size or 1,
        )
    if found is None:
        return failure("NOT_FOUND", "There is no such room.")
    shown, source = shown_slot(found, caller.zone)
    reasons = [{"id": f"rule:{each.code}", "message": each.message} for each in found.reasons]
    sources = [Source(each["id"], each["message"]) for each in reasons]
    slot: dict[str, Any] = {**shown, "state": found.state.value}
    free = [source] if found.state is SlotState.FREE else [source, *sources]
    return Result({"slot": slot, "reasons": reasons}, free)


async def get_quote(caller: Caller, given: SlotParameters) -> Result:
    async with caller.reading() as scope:
        found = await quote(
            scope,
            input=QuoteRequest(
                RoomId(given.room_id),
                start_of(given.start),
                given.duration_minutes,
                party_size=given.party_size or 1,
            ),
        )
    if found is None:
        return failure("NOT_FOUND", "There is no such room.")
    id = f"price:{given.room_id}/{given.start}/{given.duration_minutes}"
    price = found.price
    if price is None:
        return Result({"quote": None}, [Source(id, "No price", ("Room", str(given.room_id)))])
    lines = [{"label": each.label, "amount": money(each.amount)} for each in price.lines]
    shown = {
        "id": id,
        "total": money(price.total),
        "lines": lines,
        "due_now": money(found.due_now),
    }
    label = money(price.total) or ""
    return Result({"quote": shown}, [Source(id, label, ("Room", str(given.room_id)))])


AVAILABILITY_TOOLS: Final = (
    ToolSpec(
        "find_free_times",
        "Lists free times, in the order of time, with prices. `date_until` is the last date, by "
        "default the first; `time_from` and `time_until` limit the time of the start.",
        FindFreeTimes,
        find_free_times,
        requires=P.AVAILABILITY_READ,
        for_guests=True,
        points=20,
    ),
    ToolSpec(
        "explain_slot",
        "Says whether a room can be booked at a time, and every reason why not.",
        SlotParameters,
        explain,
        requires=P.AVAILABILITY_READ,
    ),
    ToolSpec(
        "get_quote",
        "Says what a booking would cost, line by line.",
        SlotParameters,
        get_quote,
        requires=P.PRICES_READ,
        for_guests=True,
    ),
)
