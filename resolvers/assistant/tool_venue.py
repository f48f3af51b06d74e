"""Tools that read what there is to know of the venue: hours, rooms, rules and figures."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from domain.analytics.spans import DateSpan
from domain.assistant.citations import Source
from domain.core.formatting import counted
from domain.tenants.payment_policy import PolicyKind
from domain.venue.hours import LocalInterval
from kit.graphql.selected import Selected
from kit.postgres.keyset_pagination import Window, windowed
from models.payments.payments import terms_of_tenant
from models.tenants import Tenant
from permissions.roles import P
from resolvers.analytics.analytics import analytics
from resolvers.assistant.tool_times import DateText, day, money
from resolvers.assistant.tools import Caller, Parameters, Result, ToolSpec
from resolvers.bookings.public_venue import rooms
from resolvers.venue.hours import opening_hours

_MAX_ROOMS: Final = 20
_DAYS: Final = 7
_HOUR: Final = 60


class VenueFacts(Parameters):
    date_from: DateText | None


class AnalyticsSummary(Parameters):
    date_from: DateText
    date_until: DateText


async def venue_facts(caller: Caller, given: VenueFacts) -> Result:
    tenant = caller.tenant
    async with caller.reading() as scope:
        today = scope.now().astimezone(caller.zone).date()
        first = day(given.date_from) if given.date_from is not None else today
        found = await scope.all(windowed(rooms(scope), Window(first=_MAX_ROOMS)))
        found = found[:_MAX_ROOMS]
        hours: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
        for room in found:
            for each in await opening_hours(scope, room, from_=first, days=_DAYS):
                open_ = tuple(map(_clock, each.intervals))
                hours[each.date.isoformat(), open_].append(room.name)
    shown_hours: list[dict[str, Any]] = []
    for (on, open_), names in sorted(hours.items()):
        of_some = {} if len(names) == len(found) else {"rooms": names}
        shown_hours.append({"id": f"hours:{on}", "date": on, "open": list(open_), **of_some})
    shown_rooms = [
        {
            "id": f"room:{each.id}",
            "room_id": str(each.id),
            "name": each.name,
            "capacity": each.capacity,
            "hourly_rate": money(each.hourly_rate),
        }
        for each in found
    ]
    policies = [{"id": f"rule:{name}", "text": text} for name, text in _policies(tenant)]
    facts = {"name": tenant.name, "time_zone": tenant.time_zone, "currency": tenant.currency_code}
    return Result(
        {"venue": facts, "hours": shown_hours, "rooms": shown_rooms, "policies": policies},
        [
            *(
                Source(f"hours:{on}", on)
                for on in dict.fromkeys(each["date"] for each in shown_hours)
            ),
            *(Source(f"room:{each.id}", each.name, ("Room", str(each.id))) for each in found),
            *(Source(each["id"], each["text"]) for each in policies),
        ],
    )


def _clock(open_: LocalInterval) -> str:
    return f"{open_.opens_at}-{open_.closes_at}"


def _policies(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Yields the rules of bookings that people ask for, by name."""
    yield "notice", f"Bookings are made at least {_time(tenant.min_notice_minutes)} before."
    yield "ahead", f"Bookings are made at most {counted(tenant.max_advance_days, 'day')} ahead."
    yield (
        "duration",
        f"A booking lasts {_time(tenant.min_duration_minutes)} to "
        f"{_time(tenant.max_duration_minutes)}.",
    )
    steps = terms_of_tenant(tenant).steps
    if steps:
        labels = ", ".join(each.label for each in steps)
        yield "cancellation", f"Cancellation: {labels}."
    else:
        yield "cancellation", "Cancelling is free until the start."
    match PolicyKind(tenant.payment_policy):
        case PolicyKind.NONE:
            yield "payment", "Nothing has to be paid in advance."
        case kind:
            yield "payment", f"Customers pay in advance: {kind.value.replace('_', ' ')}."
    if not tenant.allows_guest_booking:
        yield "guests", "Bookings need an account."


def _time(minutes: int) -> str:
    if minutes % (24 * _HOUR) == 0 and minutes:
        return counted(minutes // (24 * _HOUR), "day")
    if minutes % _HOUR == 0 and minutes:
        return counted(minutes // _HOUR, "hour")
    return counted(minutes, "minute")


async def analytics_summary(caller: Caller, given: AnalyticsSummary) -> Result:
    span = DateSpan(day(given.date_from), day(given.date_until) + timedelta(days=1))
    async with caller.reading() as scope:
        found = await analytics(scope, span=span, selected=Selected(frozenset({"totals"})))
    totals = found.totals
    id = f"figures:{given.date_from}/{given.date_until}"
    figures: dict[str, Any] = {
        "id": id,
        "bookings": totals.bookings,
        "cancelled": totals.cancelled,
        "no_shows": totals.no_shows,
        "booked_value": money(totals.booked_value),
        "revenue": money(totals.revenue),
        "occupancy": totals.occupancy,
    }
    label = f"{given.date_from} to {given.date_until}"
    return Result({"figures": figures}, [Source(id, label)])


VENUE_TOOLS: Final = (
    ToolSpec(
        "venue_facts",
        "Says when the venue is open in a week, which rooms it has, and the rules for bookings. "
        "`date_from` is the first date, by default today.",
        VenueFacts,
        venue_facts,
        requires=P.HOURS_READ,
        for_guests=True,
    ),
    ToolSpec(
        "analytics_summary",
        "Says how many bookings there were on some dates, and what they brought. Both dates are "
        "included.",
        AnalyticsSummary,
        analytics_summary,
        requires=P.ANALYTICS_READ,
        points=10,
    ),
)
