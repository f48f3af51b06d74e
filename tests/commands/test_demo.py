"""The demo venues: loaded once, valid by every rule, and current on any day."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio

from commands.demo.load import load_demo
from commands.demo.rows import DemoRows
from commands.demo.venues import BOOM, DEMO_PASSWORD, SALON, USERS, DemoVenue
from commands.rollups import rebuild
from domain.bookings.lifecycle import Status
from domain.core.clock_changes import RELEASE
from domain.core.intervals import Interval
from domain.venue.hours import HoursFacts, Weekday, WeeklyHours
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from models.bookings.bookings import Booking
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.work import run_due_jobs

GAVE_TIME_BACK = {Status.CANCELLED, Status.EXPIRED, Status.NO_SHOW, Status.REJECTED}
DAYS = (0, 4, 6)
"""Loaded on a Monday, a Friday or a Sunday."""
TUESDAY = ("2027-03-02T08:00:00Z", "2027-03-02T18:00:00Z")


@pytest_asyncio.fixture(scope="module")
async def loaded(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    await load_demo(database.app, lambda _: None, clock=StoppedClock(), passwords=Passwords.cheap())
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


def made(venue: DemoVenue, *, day: int = 0) -> DemoRows:
    """Returns a venue as it is made some days after a Monday."""
    now = datetime(2027, 3, 1, 20, 0, tzinfo=UTC) + timedelta(days=day)
    return DemoRows(venue, now=now, password_hash="a hash")


@cache
def demo(subdomain: str, *, day: int = 0) -> DemoRows:
    """Returns the same, made once for all tests that only read it."""
    return made({"boom": BOOM, "salon": SALON}[subdomain], day=day)


def interval(booking: Booking) -> Interval:
    return Interval(booking.starts_at, booking.ends_at)


# ------------------------------------------------------------------------------ what is stored


async def test_both_venues_are_there(loaded: asyncpg.Connection) -> None:
    venues = await loaded.fetch(
        "SELECT subdomain, name, time_zone, currency_code, plan_code FROM tenants ORDER BY name"
    )

    assert [tuple(each) for each in venues] == [
        ("boom", "Boom Karaoke", "America/New_York", "USD", "ENTERPRISE"),
        ("salon", "Salon Aurora", "Europe/Berlin", "EUR", "PROFESSIONAL"),
    ]


async def test_the_team_finds_the_latest_bookings_in_its_inboxes(
    loaded: asyncpg.Connection,
) -> None:
    inboxes = await loaded.fetch("""
        SELECT count(*), count(*) FILTER (WHERE read_at IS NULL)
        FROM inbox_entries GROUP BY user_id
    """)

    assert [tuple(each) for each in inboxes] == [(5, 1)] * 6


async def test_loading_again_adds_nothing(
    loaded: asyncpg.Connection, database: DatabaseUrls
) -> None:
    lines: list[str] = []
    before = await loaded.fetchval("SELECT count(*) FROM log")

    await load_demo(database.app, lines.append, passwords=Passwords.cheap())

    assert lines == []
    assert await loaded.fetchval("SELECT count(*) FROM log") == before


@pytest.mark.parametrize("role", [role.lower() for role in USERS])
@pytest.mark.parametrize("subdomain", ["boom", "salon"])
async def test_each_demo_user_logs_in(
    loaded: asyncpg.Connection, api: Api, subdomain: str, role: str
) -> None:
    answer = await api(
        """mutation ($input: LoginInput!) {
             login(input: $input) { session { user { email role } } userErrors { code } }
           }""",
        {
            "input": {
                "subdomain": subdomain,
                "email": f"{role}@{subdomain}.test",
                "password": DEMO_PASSWORD,
            }
        },
    )

    assert answer.payload["session"]["user"] == {
        "email": f"{role}@{subdomain}.test",
        "role": role.upper(),
    }


async def test_a_guest_of_the_salon_pays_a_deposit_on_the_demos_page(
    loaded: asyncpg.Connection, api: Api, runtime: Runtime
) -> None:
    free = await api(
        """query ($query: AvailabilityQuery!) { venue(subdomain: "salon") {
             availability(query: $query) { nextFreeSlot { startsAt room { id } } } } }""",
        {"query": {"from": TUESDAY[0], "to": TUESDAY[1], "durationMinutes": 60}},
    )
    slot = free.payload["availability"]["nextFreeSlot"]
    booked = await api(
        """mutation ($input: BookAsGuestInput!) { bookAsGuest(input: $input) {
             token booking { price { total { amount } } payment { amount { amount } checkoutUrl } }
             userErrors { code message } } }""",
        {
            "input": {
                "subdomain": "salon",
                "roomId": slot["room"]["id"],
                "start": {"at": slot["startsAt"]},
                "durationMinutes": 60,
                "customer": {"name": "Kit G.", "email": "kit@guests.test"},
            }
        },
    )
    price, payment = (booked.payload["booking"][name] for name in ("price", "payment"))
    assert Decimal(payment["amount"]["amount"]) * 5 == Decimal(price["total"]["amount"])

    await api.http.post(payment["checkoutUrl"], data={"action": "pay"})
    await run_due_jobs(runtime)

    seen = await api(
        """query ($token: String!) { guestBooking(token: $token) {
             status amountPaid { amount } cancellationQuote { stepLabel } } }""",
        {"token": booked.payload["token"]},
    )
    assert seen.payload == {
        "status": "PENDING",
        "amountPaid": payment["amount"],
        "cancellationQuote": {"stepLabel": "Free until the venue has confirmed"},
    }


async def test_the_log_was_written_in_the_order_of_time(loaded: asyncpg.Connection) -> None:
    unordered = await loaded.fetchval("""
        SELECT count(*) FROM (
            SELECT at < lag(at) OVER (PARTITION BY tenant_id ORDER BY position) AS goes_back
            FROM log
        ) AS entries WHERE goes_back
    """)

    assert unordered == 0


async def test_usage_counts_what_the_log_says_was_booked(loaded: asyncpg.Connection) -> None:
    counted = await loaded.fetch("""
        SELECT tenant_id, period_start, used FROM usage_counters WHERE meter = 'bookings'
    """)

    logged = await loaded.fetch(
        """
        SELECT tenant_id, date_trunc('month', timezone('UTC', at)
            + offsets[width_bucket(at, changes) + 1]::interval)::date AS month, count(*)
        FROM log JOIN tenants ON id = tenant_id
        JOIN zone_clocks ON zone_clocks.name = time_zone AND release = $1
        WHERE type = 'BOOKING_CREATED' GROUP BY 1, 2
    """,
        RELEASE,
    )
    assert Counter(map(tuple, counted)) == Counter(map(tuple, logged))


async def test_every_booking_has_a_log_that_leads_to_its_status(
    loaded: asyncpg.Connection,
) -> None:
    others = await loaded.fetch("""
        SELECT reference, bookings.status, told.status, versions, version FROM bookings
        LEFT JOIN LATERAL (
            SELECT (array_agg(after ->> 'status' ORDER BY position DESC)
                    FILTER (WHERE after ? 'status'))[1] AS status,
                   count(*) FILTER (WHERE type LIKE 'BOOKING%') AS versions
            FROM log WHERE log.tenant_id = bookings.tenant_id AND subject_id = bookings.id
        ) AS told ON true
        WHERE told.status IS DISTINCT FROM bookings.status OR versions <> version
    """)

    assert others == []


async def test_prices_are_the_rate_of_the_room_for_the_time(loaded: asyncpg.Connection) -> None:
    wrong = await loaded.fetchval("""
        SELECT count(*) FROM bookings JOIN rooms USING (tenant_id)
        JOIN tenants ON tenants.id = tenant_id LEFT JOIN price_rules rule
            ON rule.tenant_id = tenants.id AND rule.conditions -> 'room_ids' ? rooms.id::text
            AND (starts_at AT TIME ZONE time_zone)::date <=
                (rule.conditions ->> 'last_date')::date
        WHERE rooms.id = room_id AND seats IS NULL AND price_minor IS DISTINCT FROM
            coalesce(rule.amount_minor, hourly_rate_minor)
            * extract(epoch FROM ends_at - starts_at)::int / 3600
    """)

    assert wrong == 0


async def test_a_class_costs_what_its_rule_says_for_each_person(
    loaded: asyncpg.Connection,
) -> None:
    amount = await loaded.fetchval("SELECT amount_minor FROM price_rules WHERE unit = 'person'")
    parties = await loaded.fetch("""
        SELECT party_size, price_minor, seat_numbers FROM bookings WHERE seat_numbers IS NOT NULL
    """)

    assert sorted(each["party_size"] for each in parties) == [1, 3, 4]
    assert all(each["price_minor"] == amount * each["party_size"] for each in parties)
    assert sorted(n for each in parties for n in each["seat_numbers"]) == list(range(8))


async def test_what_the_demo_shows_is_what_the_api_says(
    loaded: asyncpg.Connection, api: Api
) -> None:
    login = await api(
        """mutation ($input: LoginInput!) { login(input: $input) { session { accessToken } } }""",
        {
            "input": {
                "subdomain": "boom",
                "email": "staff@boom.test",
                "password": DEMO_PASSWORD,
            }
        },
    )
    token = login.payload["session"]["accessToken"]

    shown = await api(
        """{ rooms(filter: { search: "Grand Hall" }) { nodes { parts { name } } }
             priceRules { label }
             waitlist { nodes { status position } }
             customers(filter: { tag: "regular" }) { totalCount nodes { stats { visits } } } }""",
        token=token,
    )

    assert shown.data["rooms"]["nodes"] == [
        {"parts": [{"name": "Hall Front"}, {"name": "Hall Back"}]}
    ]
    assert [each["label"] for each in shown.data["priceRules"]] == [
        "Weekend night", "Song School", "Opening rate"
    ]  # fmt: skip
    assert [each["status"] for each in shown.data["waitlist"]["nodes"]] == ["WAITING"]
    assert shown.data["customers"]["totalCount"] == 20
    assert all(each["stats"]["visits"] > 5 for each in shown.data["customers"]["nodes"])


async def test_figures_a_forecast_and_hints_have_something_to_show(
    loaded: asyncpg.Connection, api: Api, runtime: Runtime
) -> None:
    boom = await loaded.fetchval("SELECT id FROM tenants WHERE subdomain = 'boom'")
    await rebuild(runtime, boom, lambda _done, _dates: None)
    login = await api(
        """mutation ($input: LoginInput!) { login(input: $input) { session { accessToken } } }""",
        {
            "input": {
                "subdomain": "boom",
                "email": "manager@boom.test",
                "password": DEMO_PASSWORD,
            }
        },
    )

    shown = await api(
        """{ analytics(span: { from: "2027-01-04", until: "2027-03-01" }) {
               totals { bookings occupancy revenue { amount } newCustomers }
             }
             demandForecast(days: 7) { ... on DemandForecast { points { expected } } }
             demandHints { staffing { weekday hour staff }
               prices { room { name } suggestedRate { amount } low } } }""",
        token=login.payload["session"]["accessToken"],
    )

    totals = shown.data["analytics"]["totals"]
    assert totals["bookings"] > 1_500
    assert totals["occupancy"] > 0.4
    assert Decimal(totals["revenue"]["amount"]) > 20_000
    assert totals["newCustomers"] > 100
    assert sum(day["expected"] for day in shown.data["demandForecast"]["points"]) > 5_000
    hints = shown.data["demandHints"]
    assert len(hints["staffing"]) > 60
    # The demo's customers don't mind what a room costs, so what it cost at first earned more.
    (price,) = hints["prices"]
    assert (price["room"]["name"], price["suggestedRate"]["amount"]) == ("Velvet Room", "65.00")
    assert price["low"] > 0


# ------------------------------------------------------------------------------ on any day


@pytest.mark.parametrize("day", DAYS)
def test_boom_has_the_size_that_was_promised(day: int) -> None:
    boom = demo("boom", day=day)

    assert len(boom.rooms) == 9
    assert len(boom.customers) == 400
    assert 2700 <= len(boom.bookings) <= 3300


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("venue", ["boom", "salon"])
def test_the_demo_customer_has_something_to_look_forward_to(venue: str, day: int) -> None:
    loaded = demo(venue, day=day)

    upcoming = [
        booking
        for booking in loaded.bookings
        if booking.customer_id == loaded.customers[0].id
        and booking.starts_at > loaded.history.now
        and booking.status in {Status.CONFIRMED, Status.PENDING}
    ]

    assert upcoming


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("venue", ["boom", "salon"])
def test_no_two_bookings_share_a_space_and_a_time(venue: str, day: int) -> None:
    by_space: defaultdict[Any, list[Booking]] = defaultdict(list)
    for booking in demo(venue, day=day).bookings:
        if booking.status not in GAVE_TIME_BACK:
            # Seats are counted from 0.
            for space in product(booking.spaces, booking.seat_numbers or [-1]):
                by_space[space].append(booking)

    overlapping = [
        (earlier, later)
        for bookings in by_space.values()
        for earlier, later in pairwise(sorted(bookings, key=lambda each: each.starts_at))
        if upper(earlier) > later.starts_at
    ]

    assert overlapping == []


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("venue", ["boom", "salon"])
def test_bookings_keep_to_the_opening_hours_and_the_blackout(venue: str, day: int) -> None:
    loaded = demo(venue, day=day)
    hours = HoursFacts(
        tuple(WeeklyHours(Weekday(row.weekday), row.intervals) for row in loaded.week),
        venue_exceptions={loaded.holiday.date: ()},
    )
    blocked = Interval(loaded.blackout.starts_at, loaded.blackout.ends_at)

    outside = [
        booking
        for booking in loaded.bookings
        if not is_open(hours, booking, ZoneInfo(loaded.tenant.time_zone))
    ]
    blacked_out = [
        booking
        for booking in loaded.bookings
        if loaded.blackout.room_id in (None, booking.room_id)
        and interval(booking).overlaps(blocked)
    ]

    assert outside == []
    assert blacked_out == []


@pytest.mark.parametrize(("venue", "percent"), [("boom", 100), ("salon", 20)])
def test_bookings_made_online_were_paid_for_and_cancelled_in_time_paid_back(
    venue: str, percent: int
) -> None:
    till, bookings = demo(venue).till, {each.id: each for each in demo(venue).bookings}

    paid = {each.booking_id: each.amount_minor for each in till.payments}
    shares = {amount * 100 / (bookings[id].price_minor or 0) for id, amount in paid.items()}
    in_time = {
        id
        for id in paid
        if bookings[id].status == Status.CANCELLED
        and bookings[id].starts_at - bookings[id].updated_at >= timedelta(days=1)
    }
    paid_back = {
        each.booking_id for each in till.refunds if each.amount_minor == paid[each.booking_id]
    }

    assert shares == {percent}
    assert in_time
    assert paid_back == in_time


@pytest.mark.parametrize("venue", ["boom", "salon"])
def test_nothing_is_told_of_the_future(venue: str) -> None:
    loaded = demo(venue)

    assert max(entry["at"] for entry in loaded.history.log()) <= loaded.history.now
    assert max(booking.updated_at for booking in loaded.bookings) <= loaded.history.now


def test_the_same_moment_gives_the_same_rows() -> None:
    assert contents(made(SALON)) == contents(made(SALON))


def test_weekends_are_busier_than_the_middle_of_the_week() -> None:
    past = [each for each in demo("boom").bookings if each.status == Status.COMPLETED]

    evenings = Counter(
        (each.starts_at.astimezone(ZoneInfo("America/New_York")) - timedelta(hours=5)).weekday()
        for each in past
    )

    assert min(evenings[4], evenings[5]) > max(evenings[0], evenings[1], evenings[2])


def test_some_are_cancelled_and_some_never_come() -> None:
    statuses = Counter(booking.status for booking in demo("boom").bookings)

    assert statuses[Status.CANCELLED] > 100
    assert statuses[Status.NO_SHOW] > 50
    assert statuses[Status.CONFIRMED] > 100


def test_the_weeks_ahead_are_as_full_as_past_ones_were_at_the_same_time_before() -> None:
    boom, week = demo("boom"), timedelta(days=7)
    freed = {
        each["subject_id"]: each["at"]
        for each in boom.history.log()
        if each["type"] in ("BOOKING_CANCELLED", "BOOKING_EXPIRED", "BOOKING_REJECTED")
    }

    def on_the_books(start: datetime, *, at: datetime) -> int:
        return sum(
            start <= each.starts_at < start + week
            and each.created_at <= at < freed.get(each.id, datetime.max.replace(tzinfo=UTC))
            for each in boom.bookings
        )

    now = boom.history.now
    ahead = sum(on_the_books(now + weeks * week, at=now) for weeks in range(4))
    before = [
        sum(on_the_books(now - ago * week, at=now - (ago + weeks) * week) for weeks in range(4))
        for ago in range(1, 5)
    ]

    assert 0.8 * min(before) < ahead < 1.1 * max(before)


def upper(booking: Booking) -> datetime:
    end = booking.occupied.upper
    assert end is not None
    return end


def is_open(hours: HoursFacts, booking: Booking, zone: ZoneInfo) -> bool:
    wanted = interval(booking)
    return any(opened.contains(wanted) for opened in hours.open_intervals(wanted, zone))


def contents(rows: DemoRows) -> Sequence[object]:
    stored = [row for batch in rows.batches() for row in batch]
    return [repr(each) for each in [*stored, *rows.many()]]


@pytest.mark.parametrize("day", DAYS)
def test_somebody_comes_every_week(day: int) -> None:
    boom = demo("boom", day=day)

    (series,) = boom.series

    weekly = [each for each in boom.bookings if each.series_id == series.id]
    assert len(weekly) == 4
    assert {b.starts_at - a.starts_at for a, b in pairwise(weekly)} <= {
        timedelta(days=7, hours=hours) for hours in (-1, 0, 1)
    }


async def test_each_booking_is_known_from_when_it_was_made(loaded: asyncpg.Connection) -> None:
    gaps = await loaded.fetch(
        """WITH times AS (
               SELECT tenant_id, booking_id AS id, version, since, until FROM past_bookings
               UNION ALL SELECT tenant_id, id, version, updated_at, 'infinity' FROM bookings
           ), joined AS (
               SELECT *, lag(until) OVER booking AS ended, row_number() OVER booking AS number
               FROM times WINDOW booking AS (PARTITION BY tenant_id, id ORDER BY version)
           )
           SELECT id FROM joined JOIN bookings USING (tenant_id, id)
           WHERE joined.version <> number OR since <> coalesce(ended, created_at)"""
    )

    assert gaps == []
    assert await loaded.fetchval("SELECT count(*) FROM past_bookings") > 1_000
