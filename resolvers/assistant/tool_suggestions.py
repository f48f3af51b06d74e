"""The tool that suggests times by wishes, with reasons."""

from typing import Annotated, Final

from pydantic import Field

from domain.assistant.wishes import PreferredHours
from domain.core.local_time import LocalTime
from domain.core.money import Money
from permissions.policy import is_guest, may
from permissions.roles import P
from resolvers.assistant.suggestions import SuggestionRequest, find_suggestions
from resolvers.assistant.tool_availability import usual_minutes
from resolvers.assistant.tool_times import DateText, Minutes, People, TimeText, day, shown_slot
from resolvers.assistant.tools import Caller, Parameters, Result, ToolSpec, failure
from resolvers.bookings.slot_pages import RoomSlot

Amount = Annotated[
    str, Field(description="An amount in the venue's currency, such as 80.00.", max_length=20)
]
Category = Annotated[
    str, Field(description="A category of rooms that is preferred.", min_length=1, max_length=100)
]


class SuggestTimes(Parameters):
    date_from: DateText
    date_until: DateText | None
    time_from: TimeText | None
    time_until: TimeText | None
    duration_minutes: Minutes | None
    party_size: People | None
    max_price: Amount | None
    wishes: Category | None


async def suggest(caller: Caller, given: SuggestTimes) -> Result:
    hours = None
    if given.time_from is not None or given.time_until is not None:
        hours = PreferredHours(
            LocalTime.parse(given.time_from or "00:00"),
            LocalTime.parse(given.time_until or "24:00"),
        )
    wanted = SuggestionRequest(
        given.duration_minutes or usual_minutes(caller),
        day(given.date_from),
        None if given.date_until is None else day(given.date_until),
        party_size=given.party_size or 1,
        preferred_hours=hours,
        budget=None
        if given.max_price is None
        else Money.parse(given.max_price, caller.tenant.currency_code),
        categories=() if given.wishes is None else (given.wishes,),
    )
    async with caller.reading() as scope:
        shows_prices = is_guest(caller.actor) or may(caller.actor, P.PRICES_READ)
        found = await find_suggestions(scope, wanted, shows_prices=shows_prices)
    if found is None:
        return failure("NOT_FOUND", "There is no such customer.")
    shown = []
    sources = []
    for each in found:
        slot, source = shown_slot(RoomSlot(each.room, each.slot), caller.zone)
        shown.append({**slot, "reasons": [reason.text for reason in each.reasons]})
        sources.append(source)
    return Result({"slots": shown, "more": False}, sources)


SUGGESTION_TOOLS: Final = (
    ToolSpec(
        "suggest_times",
        "Suggests the best three free times for wishes, with reasons: preferred times of the "
        "start, the most that it may cost, and a category of rooms.",
        SuggestTimes,
        suggest,
        requires=P.AVAILABILITY_READ,
        for_guests=True,
        points=20,
    ),
)
