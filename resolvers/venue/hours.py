"""Opening hours: weekly hours, exceptions by date, and the result for a day."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import HoursExceptionId, RoomId
from domain.core.log_events import Event, EventType, Snapshot
from domain.core.refusals import Invalid, NotFound, Refusal
from domain.venue.hours import (
    HoursFacts,
    LocalInterval,
    Weekday,
    WeeklyHours,
    daily_hours,
    weekly_hours,
)
from kit.errors import BadInput
from kit.scope import Scope
from models.tenants import Tenant
from models.venue.hours import (
    HoursException,
    WeekdayHours,
    as_pairs,
    exception_on,
    exceptions_for,
    exceptions_from,
    exceptions_of,
    from_pairs,
    weekday_hours_of,
    weekday_hours_without,
)
from models.venue.opening_hours import HOURS, WEEKS
from models.venue.rooms import Room
from resolvers.core.lookups import CALENDAR, get_or_refuse, raise_all
from resolvers.venue.rooms import room

T = TypeVar("T")

MAX_OPENING_DAYS: Final = 62
MAX_EXCEPTION_DAYS: Final = 366
MAX_REASON_LENGTH: Final = 500
MAX_ROWS: Final = 1000
"""The longest list that is returned without pagination."""

_CLOSED_WEEK: Final = weekly_hours([WeeklyHours(Weekday.MONDAY, ())])


@dataclass(frozen=True, slots=True)
class OpeningDay:
    """The opening hours that start on a date."""

    date: date
    intervals: tuple[LocalInterval, ...]


# ------------------------------------------------------------------------------ effective hours


def hours_facts(
    room_ids: Collection[RoomId], weekdays: Collection[Any], exceptions: Collection[Any]
) -> Mapping[RoomId, HoursFacts]:
    """Returns the facts of opening hours by room, from ``models.venue.opening_hours``.

    Rooms without hours of their own have the same object.
    """
    weeks = _weeks(weekdays)
    dates: defaultdict[UUID | None, dict[date, tuple[LocalInterval, ...]]] = defaultdict(dict)
    for each in exceptions:
        dates[each.room_id][each.date] = from_pairs(each.minutes)
    own = {room_id for room_id in (*weeks, *dates) if room_id is not None}
    shared = HoursFacts(weeks.get(None, ()), venue_exceptions=dates[None])
    return {
        room_id: replace(shared, room_weekly=weeks.get(room_id, ()), room_exceptions=dates[room_id])
        if room_id in own
        else shared
        for room_id in room_ids
    }


async def opening_hours(
    scope: Scope,
    room: Room,
    *,
    from_: Annotated[date, Doc("The first day, in the venue's time zone.")],
    days: Annotated[int, Doc("The number of days: 1 to 62.")] = 7,
) -> list[OpeningDay]:
    """The opening hours that apply on each of a number of days, with exceptions taken into account.

    Each day has the hours that start on it, even if they end after midnight. Costs 1 point for
    every 7 days begun.
    """
    if not 1 <= days <= MAX_OPENING_DAYS:
        raise BadInput(f"`days` must be 1 to {MAX_OPENING_DAYS}; got {days}.")
    dates = [from_ + timedelta(days=n) for n in range(days)]

    async def load(room_ids: list[RoomId]) -> list[HoursFacts]:
        weekdays, exceptions = await scope.fetch_batch(
            HOURS,
            tenant_id=scope.tenant_id,
            room_ids=room_ids,
            first_day=dates[0],
            last_day=dates[-1],
        )
        facts = hours_facts(room_ids, weekdays, exceptions)
        return [facts[room_id] for room_id in room_ids]

    facts = await scope.loaders.batch(("opening hours", from_, days), load, RoomId(room.id))
    return [OpeningDay(day, facts.opening_day(day)) for day in dates]


async def weekly_hours_of_room(scope: Scope, room: Room) -> Sequence[WeeklyHours]:
    """The room's own weekly hours: all seven days from Monday, or empty.

    If it is empty, the venue's weekly hours apply.
    """

    async def load(room_ids: list[UUID]) -> list[tuple[WeeklyHours, ...]]:
        (rows,) = await scope.fetch_batch(WEEKS, tenant_id=scope.tenant_id, room_ids=room_ids)
        weeks = _weeks(rows)
        return [weeks.get(room_id, ()) for room_id in room_ids]

    return await scope.loaders.batch("weekly hours", load, room.id)


async def weekly_hours_of_venue(scope: Scope, tenant: Tenant) -> Sequence[WeeklyHours]:
    """The venue's weekly hours: all seven days from Monday.

    They apply to every room that has none of its own.
    """
    return _week(await scope.all(weekday_hours_of(tenant.id, None)))


async def time_zone_of(scope: Scope, room: Room) -> str:
    """The venue's time zone, in which the room's opening hours are given."""
    tenant: Tenant = await scope.loaders.related(room, "tenant")
    return tenant.time_zone


# ------------------------------------------------------------------------------ weekly plans


async def set_business_hours(
    scope: Scope,
    *,
    room_id: Annotated[
        RoomId | None, Doc("The room whose hours to set; the whole venue by default.")
    ] = None,
    hours: Annotated[
        tuple[WeeklyHours, ...],
        Doc(
            "The opening hours for each day; days left out are closed. With an empty list the "
            "venue is always closed, or the room has the venue's hours."
        ),
    ],
) -> Sequence[WeeklyHours]:
    """Set the weekly opening hours of the venue or of one room. Existing bookings are kept."""
    await scope.lock(CALENDAR)
    refused = await room_refusals(scope, room_id)
    try:
        plan = weekly_hours(hours, path=("hours",))
    except Invalid as invalid:
        refused.append(invalid)
    raise_all(refused)
    if room_id is None and not plan:
        plan = _CLOSED_WEEK
    before = _week(await scope.all(weekday_hours_of(scope.tenant_id, room_id)))
    if _week_logged(before) == _week_logged(plan):
        return plan
    await scope.run(weekday_hours_without(scope.tenant_id, room_id))
    for day in plan:
        scope.add(
            WeekdayHours(
                tenant_id=scope.tenant_id,
                room_id=room_id,
                weekday=day.weekday,
                minutes=as_pairs(day.intervals),
            )
        )
    scope.emit(
        _hours_changed(
            scope,
            room_id,
            before={"weekly_hours": _week_logged(before)},
            after={"weekly_hours": _week_logged(plan)},
        )
    )
    return plan


# ------------------------------------------------------------------------------ exceptions


def visible_exceptions(scope: Scope) -> Select[HoursException]:
    return exceptions_of(scope.tenant_id)


async def hours_exceptions(
    scope: Scope,
    *,
    from_: Annotated[date, Doc("The first date, included.")],
    to: Annotated[date, Doc("The end of the period, excluded: at most 366 days after `from`.")],
    room_id: Annotated[
        RoomId | None,
        Doc(
            "Return only the exceptions that apply to this room, which includes "
            "those of the whole venue. All by default."
        ),
    ] = None,
) -> list[HoursException] | None:
    """The dates with special opening hours, sorted by date; on the same date the venue's come
    first.

    Null if there is no such room. If there are more than 1,000, the query is refused: choose a
    shorter period.
    """
    if not timedelta() < to - from_ <= timedelta(days=MAX_EXCEPTION_DAYS):
        raise BadInput(f"`to` must be 1 to {MAX_EXCEPTION_DAYS} days after `from`.")
    wanted = exceptions_from(visible_exceptions(scope), from_, to - timedelta(days=1))
    if room_id is not None:
        if await room(scope, room_id) is None:
            return None
        wanted = exceptions_for(wanted, [room_id])
    order = (col(HoursException.date), col(HoursException.room_id).nulls_first())
    rows = await scope.all(wanted.order_by(*order).limit(MAX_ROWS + 1))
    return whole(rows)


async def set_hours_exception(
    scope: Scope,
    *,
    room_id: Annotated[
        RoomId | None, Doc("The room with the special hours; the whole venue by default.")
    ] = None,
    date: Annotated[date, Doc("The date on which the hours start.")],
    intervals: Annotated[
        tuple[LocalInterval, ...], Doc("The opening hours on this date; closed all day if empty.")
    ],
    reason: Annotated[
        str | None, Doc("Why the hours differ, shown to guests too: at most 500 characters.")
    ] = None,
) -> HoursException:
    """Set special opening hours for one date, in place of the usual ones. Existing bookings are
    kept.

    If there is already an exception for the date, it is replaced.
    """
    await scope.lock(CALENDAR)
    refused = [*await room_refusals(scope, room_id), *reason_refusals(reason)]
    try:
        minutes = as_pairs(daily_hours(intervals, path=("intervals",)))
    except Invalid as invalid:
        refused.append(invalid)
    raise_all(refused)
    exception = await scope.one(exception_on(scope.tenant_id, date, room_id=room_id))
    before = _exception_logged(exception) if exception is not None else None
    if exception is None:
        exception = scope.add(
            HoursException(tenant_id=scope.tenant_id, room_id=room_id, date=date, minutes=minutes)
        )
    exception.minutes = minutes
    exception.reason = reason
    after = _exception_logged(exception)
    if after != before:
        scope.emit(_hours_changed(scope, room_id, before=before, after=after))
    return exception


async def delete_hours_exception(
    scope: Scope, id: Annotated[HoursExceptionId, Doc("The id of the hours exception.")]
) -> HoursExceptionId:
    """Delete the special opening hours of a date, so that the usual ones apply again. Existing
    bookings are kept.
    """
    await scope.lock(CALENDAR)
    exception = await get_or_refuse(scope, visible_exceptions(scope), id, what="exception")
    await scope.remove(exception)
    before = _exception_logged(exception)
    scope.emit(_hours_changed(scope, exception.room_id, before=before, after=None))
    return id


# ------------------------------------------------------------------------------ shared


async def room_refusals(scope: Scope, room_id: RoomId | None) -> list[Refusal]:
    """Returns a refusal unless the room exists, or is None for the whole venue."""
    if room_id is None or await room(scope, room_id) is not None:
        return []
    return [NotFound("room", path=("room_id",))]


def reason_refusals(reason: str | None) -> list[Refusal]:
    if len(reason or "") <= MAX_REASON_LENGTH:
        return []
    return [Invalid(f"At most {MAX_REASON_LENGTH} characters.", path=("reason",))]


def whole(rows: list[T]) -> list[T]:
    """Returns a list without pagination. Raises BadInput if it is too long."""
    if len(rows) > MAX_ROWS:
        raise BadInput(f"There are more than {MAX_ROWS:,}; choose a shorter period.")
    return rows


def _weeks(rows: Collection[Any]) -> Mapping[UUID | None, tuple[WeeklyHours, ...]]:
    """Returns the weekly hours of the venue (None) and of the rooms that have their own."""
    owned: defaultdict[UUID | None, list[Any]] = defaultdict(list)
    for row in rows:
        owned[row.room_id].append(row)
    return {owner: _week(of_owner) for owner, of_owner in owned.items()}


def _week(rows: Collection[Any]) -> tuple[WeeklyHours, ...]:
    return weekly_hours(
        [WeeklyHours(Weekday(row.weekday), from_pairs(row.minutes)) for row in rows]
    )


def _hours_changed(
    scope: Scope, room_id: UUID | None, *, before: Snapshot | None, after: Snapshot | None
) -> Event:
    kind, subject_id = ("Tenant", scope.tenant_id) if room_id is None else ("Room", room_id)
    return Event(EventType.HOURS_CHANGED, kind, subject_id, before=before, after=after)


def _week_logged(week: Sequence[WeeklyHours]) -> list[object]:
    return [{"weekday": day.weekday, "intervals": _intervals_logged(day.intervals)} for day in week]


def _exception_logged(exception: HoursException) -> Snapshot:
    hours = {
        "date": exception.date.isoformat(),
        "intervals": _intervals_logged(exception.intervals),
    }
    return {"hours_exception": hours, "reason": exception.reason}


def _intervals_logged(intervals: Sequence[LocalInterval]) -> list[object]:
    return [{"opensAt": str(each.opens_at), "closesAt": str(each.closes_at)} for each in intervals]
