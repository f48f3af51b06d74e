"""Times, amounts and places, as tools take and return them: in the venue's local time."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.assistant.citations import Source
from domain.core.intervals import Interval
from domain.core.local_time import LocalStart, LocalTime, Start
from domain.core.money import Money
from domain.core.refusals import Invalid
from resolvers.bookings.slot_pages import RoomSlot

DateText = Annotated[
    str, Field(description="A date of the venue, as YYYY-MM-DD.", pattern=r"^\d{4}-\d{2}-\d{2}$")
]
TimeText = Annotated[
    str, Field(description="A time of day at the venue, as HH:MM.", pattern=r"^\d{2}:\d{2}$")
]
StartText = Annotated[
    str,
    Field(
        description="The local start at the venue, as YYYY-MM-DDTHH:MM.",
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$",
    ),
]
Minutes = Annotated[int, Field(description="A duration in minutes.", ge=1, le=44_700)]
People = Annotated[int, Field(description="The number of people.", ge=1, le=100_000)]
RoomRef = Annotated[UUID, Field(description="The `room_id` of a result.")]

_PRINTED: Final = "%Y-%m-%dT%H:%M"
_YEARS: Final = range(1970, 2200)


def day(text: str) -> date:
    """Reads a date. Raises Invalid."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text} is no date.") from None
    if found.year not in _YEARS:
        raise Invalid(f"{text} is too far away.")
    return found


def start_of(text: str) -> Start:
    """Reads a start on the venue's wall clock. Raises Invalid."""
    on, _, at = text.partition("T")
    return Start(local=LocalStart(day(on), LocalTime.parse(at)))


def midnight(on: date, zone: ZoneInfo) -> datetime:
    """Returns when a date begins, in UTC."""
    return datetime(on.year, on.month, on.day, tzinfo=zone).astimezone(UTC)


def dates(from_: str, until: str | None, zone: ZoneInfo) -> Interval:
    """Returns the time of some dates, both included. Raises Invalid."""
    first = day(from_)
    last = day(until) if until is not None else first
    if not timedelta() <= last - first <= timedelta(days=30):
        raise Invalid("The last date must be the first one, or up to 30 days later.")
    return Interval(midnight(first, zone), midnight(last + timedelta(days=1), zone))


def local(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime(_PRINTED)


def money(amount: Money | None) -> str | None:
    return None if amount is None else f"{amount.amount} {amount.currency_code}"


def place_and_time(room_id: UUID, time: Interval, zone: ZoneInfo) -> str:
    """Returns what the ids of slots and prices end with."""
    return f"{room_id}/{local(time.start, zone)}/{time.minutes}"


def shown_slot(found: RoomSlot, zone: ZoneInfo) -> tuple[dict[str, Any], Source]:
    """Returns a slot for a model, and as a source."""
    time = found.slot.interval
    start, end = local(time.start, zone), local(time.end, zone)
    id = f"slot:{place_and_time(found.room.id, time, zone)}"
    shown = {
        "id": id,
        "room": found.room.name,
        "room_id": str(found.room.id),
        "start": start,
        "end": end,
        "price": money(found.price),
    }
    label = f"{found.room.name}, {start.replace('T', ' ')}"
    return shown, Source(id, label, ("Room", str(found.room.id)))
