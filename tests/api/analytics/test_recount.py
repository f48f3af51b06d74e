"""Each figure equals an independent recount, whatever happened, on any clock."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from kit.settings import Settings
from schema.core.global_ids import decode_id
from tests.api.analytics.history import ZONES, History
from tests.api.analytics.recount import Figures, Opening, grouped, open_counted, recounted
from tests.support.client import Api
from tests.support.factories import api_id, make_venue

METRICS: Final = """
    bookings cancelled noShows completed bookedMinutes openMinutes occupancy
    bookedValue { amount } averageValue { amount } revenue { amount }
    medianLeadMinutes cancellationRate noShowRate newCustomers returningCustomers
"""
FEW: Final = METRICS.replace("medianLeadMinutes", "").replace("returningCustomers", "")
LEAST: Final = FEW.replace("averageValue { amount }", "").replace("cancellationRate noShowRate", "")
QUERY: Final = f"""
    query ($span: DateSpan!, $filter: AnalyticsFilter) {{ analytics(
        span: $span, filter: $filter, compareTo: PREVIOUS_PERIOD
    ) {{
        totals {{ {METRICS} }}
        compared {{ {METRICS} }}
        HOUR: series(granularity: HOUR) {{ date hour metrics {{ {METRICS} }} }}
        DAY: series {{ date metrics {{ {METRICS} }} }}
        WEEK: series(granularity: WEEK) {{ date metrics {{ {METRICS} }} }}
        MONTH: series(granularity: MONTH) {{ date metrics {{ {METRICS} }} }}
        byRoom {{ roomId {FEW} }}
        byWeekdayHour {{ weekday hour {LEAST} }}
        topCustomers(first: 5) {{ customer {{ id }} bookings noShows bookedValue {{ amount }} }}
        asOf
    }} }}
"""
WEEKS: Final[tuple[list[tuple[int, int]], ...]] = (
    [],
    [(0, 1440)],
    [(540, 1020)],
    [(360, 720), (780, 1440)],
    [(1200, 1680)],
)
NUMBERS: Final = tuple(Weekday)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without a worker: it would complete bookings between an answer and its recount."""
    return settings.model_copy(update={"works": False})


# A hundred at a time: 1,000 venues by `make soak`.
MANY: Final = [
    pytest.param(range(start, start + 100), marks=pytest.mark.soak) for start in range(4, 1004, 100)
]


@pytest.mark.parametrize("seeds", [range(4), *MANY], ids=str)
async def test_each_figure_equals_a_recount(
    api: Api, runtime: Runtime, admin: asyncpg.Connection, seeds: range
) -> None:
    for seed in seeds:
        random = Random(seed)
        zone, first = ZONES[seed % len(ZONES)]
        history, opening = await _history(runtime, admin, random, zone, first)
        await history.fill(random.randint(10, 60))
        await history.rebuild()
        for _ in range(random.randint(0, 10)):
            await history.change()
            if random.random() < 0.5:
                await history.count()
        await history.count()

        span = (first, first + timedelta(days=random.choice((1, 7, 14, 35 if seed > 3 else 10))))
        rooms = [room.id for room in history.venue.rooms]
        opened = open_counted(span, ZoneInfo(zone), rooms, opening)
        await _compare(api, history, span, opened)
        await _compare(api, history, span, opened, rooms=random.sample(rooms, 2))


async def _history(
    runtime: Runtime, admin: asyncpg.Connection, random: Random, zone: str, first: date
) -> tuple[History, Opening]:
    def week() -> list[list[tuple[int, int]]]:
        return [list(random.choice(WEEKS)) for _ in range(7)]

    old, new = week(), week()
    venue = await make_venue(
        runtime, rooms=4, time_zone=zone, hours=dict(zip(Weekday, new, strict=True))
    )
    changed_on = first + timedelta(days=random.randint(0, 20))
    midday = datetime(changed_on.year, changed_on.month, changed_on.day, 12, tzinfo=ZoneInfo(zone))
    await admin.execute(
        """INSERT INTO log (tenant_id, at, type, actor_kind, request_id, subject_type, subject_id,
               before, after)
           VALUES ($1, $2, 'HOURS_CHANGED', 'SYSTEM', gen_random_uuid(), 'Tenant', $1, $3, '{}')""",
        venue.tenant.id,
        midday,
        _logged(old),
    )
    own_room, archived_room, black_room, _ = (room.id for room in venue.rooms)
    own = week()
    for number, pairs in enumerate(own):
        await admin.execute(
            """INSERT INTO weekday_hours (tenant_id, id, room_id, weekday, intervals)
               VALUES ($1, gen_random_uuid(), $2, $3, $4::text::jsonb)""",
            *(venue.tenant.id, own_room, NUMBERS[number].value, str([list(p) for p in pairs])),
        )
    exceptions = {
        (
            random.choice((None, own_room, black_room)),
            first + timedelta(days=random.randint(-1, 35)),
        ): random.choice(WEEKS)
        for _ in range(4)
    }
    for (room, day), pairs in exceptions.items():
        await admin.execute(
            """INSERT INTO hours_exceptions (tenant_id, id, room_id, date, intervals)
               VALUES ($1, gen_random_uuid(), $2, $3, $4::text::jsonb)""",
            *(venue.tenant.id, room, day, str([list(pair) for pair in pairs])),
        )
    blackouts = []
    for room in (None, black_room, black_room):
        start = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(
            minutes=30 * random.randint(-100, 1500)
        )
        blackouts.append((room, start, start + timedelta(minutes=30 * random.randint(1, 100))))
    for room, start, end in blackouts:
        await admin.execute(
            """INSERT INTO blackouts (tenant_id, id, room_id, starts_at, ends_at, created_at)
               VALUES ($1, gen_random_uuid(), $2, $3, $4, $3)""",
            *(venue.tenant.id, room, start, end),
        )
    archived_on = first + timedelta(days=random.randint(-2, 30))
    await admin.execute(
        "UPDATE rooms SET archived_at = $2 WHERE id = $1",
        archived_room,
        datetime(archived_on.year, archived_on.month, archived_on.day, 9, tzinfo=ZoneInfo(zone)),
    )
    opening = Opening(
        weeks=[(date.min, old), (changed_on, new)],
        own={own_room: own} if any(own) else {},
        exceptions=exceptions,
        blackouts=blackouts,
        archived={archived_room: archived_on},
    )
    customers = [None, venue.customer.id, venue.other_customer.id]
    return History(venue, admin, runtime, random, first, customers), opening


def _logged(week: list[list[tuple[int, int]]]) -> str:

    def clock(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    days = [
        {
            "weekday": NUMBERS[number].value,
            "intervals": [{"opensAt": clock(o), "closesAt": clock(c)} for o, c in pairs],
        }
        for number, pairs in enumerate(week)
    ]
    return json.dumps({"weekly_hours": days})


async def _compare(
    api: Api,
    history: History,
    span: tuple[date, date],
    open_minutes: Mapping[Any, Counter[tuple[date, int]]],
    *,
    rooms: list[Any] | None = None,
) -> None:
    venue = history.venue
    filter = None
    if rooms is not None:
        filter = {"roomIds": [api_id(room) for room in venue.rooms if room.id in rooms]}
    given = {"span": {"from": str(span[0]), "until": str(span[1])}, "filter": filter}
    answer = (await api(QUERY, given, token=venue.owner.token)).payload
    counted = await recounted(history.admin, venue.tenant, span, rooms=rooms)
    opened = grouped(
        span,
        {id: each for id, each in open_minutes.items() if rooms is None or id in rooms},
    )

    def expected(name: str, *key: str) -> Figures:
        found = counted[name].get(key, Figures())
        return replace(found, openMinutes=opened[name][key])

    assert _shown(answer["totals"]) == _all(expected("total", ""))
    for point in answer["HOUR"]:
        assert _shown(point["metrics"]) == _all(expected("HOUR", point["date"], str(point["hour"])))
    for name in ("DAY", "WEEK", "MONTH"):
        for point in answer[name]:
            assert _shown(point["metrics"]) == _all(expected(name, point["date"])), (name, point)
    for room in answer["byRoom"]:
        id = str(decode_id("Room", room["roomId"]))
        assert _shown(room).items() <= _all(expected("room", id)).items()
    hours = {
        (str(1 + NUMBERS.index(each["weekday"])), str(each["hour"])): each
        for each in answer["byWeekdayHour"]
    }
    assert hours.keys() == counted["weekday"].keys() | (+opened["weekday"]).keys()
    for key, hour in hours.items():
        assert _shown(hour).items() <= _all(expected("weekday", *key)).items()
    _agrees(answer, "bookings", "cancelled", "bookedMinutes", "openMinutes", "newCustomers")


def _agrees(answer: Any, *names: str) -> None:
    """Sums over hours, dates, weeks, months, rooms and hours of the week are the totals."""
    for name in names:
        whole = answer["totals"][name]
        for kind in ("HOUR", "DAY", "WEEK", "MONTH"):
            assert sum(point["metrics"][name] for point in answer[kind]) == whole
        for kind in ("byRoom", "byWeekdayHour"):
            assert sum(each[name] for each in answer[kind]) == whole


def _all(figures: Figures) -> dict[str, Any]:
    found = asdict(figures)
    return found | {
        "occupancy": _ratio(figures.bookedMinutes, figures.openMinutes),
        "cancellationRate": _ratio(figures.cancelled, figures.bookings + figures.cancelled),
        "noShowRate": _ratio(figures.noShows, figures.completed + figures.noShows),
    }


def _ratio(part: int, whole: int) -> float | None:
    return int(part / whole * 10_000 + 0.5) / 10_000 if whole else None


def _shown(metrics: Any) -> dict[str, Any]:
    """Returns the figures of an answer, money in minor units."""
    return {
        name: round(float(value["amount"]) * 100) if isinstance(value, dict) else value
        for name, value in metrics.items()
        if name not in ("roomId", "weekday", "hour")
    }
