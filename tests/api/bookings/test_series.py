"""Bookings that repeat: made whole or not at all, and found together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import REFUSAL, BookingClient, made, refused, rfc
from tests.support.factories import Venue, api_id, make_venue
from tests.support.occupancy import OVERLAPS
from tests.support.statements import statements

TUESDAY = "2027-03-02T10:00:00Z"
CREATE = f"""mutation ($input: CreateBookingInput!) {{ createBooking(input: $input) {{
    booking {{ id version startsAt originalStartsAt series {{ id }} }}
    series {{ id version rrule timeZone exceptDates }}
    skipped {{ startsAt reasons {{ code message rule freesAt }} }}
    replayed
    userErrors {{ ...Refused ... on SeriesConflictError {{
        conflicts {{ startsAt reasons {{ code }} }} }} }}
}} }} {REFUSAL}"""
SERIES = """query ($id: ID!) { series(id: $id) {
    id version rrule timeZone startsAt durationMinutes partySize exceptDates
    room { id } customer { id }
    occurrences(first: 250) { totalCount nodes {
        startsAt originalStartsAt status partySize note local { start utcOffsetStart }
        room { id } customer { id } price { total { amount } lines { startsAt } }
        series { id }
    } }
} }"""


async def book(
    desk: BookingClient, venue: Venue, rrule: str, *, policy: str = "FAIL_ALL", **given: Any
) -> Answer:
    without = given.pop("without", [])
    repeats = {"rrule": rrule, "exceptDates": without, "conflictPolicy": policy}
    wanted = {"roomId": api_id(venue.rooms[0]), "start": {"at": TUESDAY}, "durationMinutes": 60}
    return await desk(CREATE, input={**wanted, "recurrence": repeats, **given})


async def found(desk: BookingClient, id: str) -> Any:
    return (await desk(SERIES, id=id)).payload


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


# ------------------------------------------------------------------------------ made


async def test_a_series_is_booked_over_a_clock_change(desk: BookingClient, venue: Venue) -> None:
    answer = await book(
        desk,
        venue,
        "freq=weekly;count=5",
        without=["2027-03-16"],
        customer={"id": api_id(venue.customer)},
        partySize=3,
        note="Choir",
    )

    first, series = made(answer), answer.payload["series"]
    assert first["startsAt"] == first["originalStartsAt"] == TUESDAY
    assert series == {
        "id": first["series"]["id"],
        "version": 1,
        "rrule": "FREQ=WEEKLY;COUNT=5",
        "timeZone": "Europe/Berlin",
        "exceptDates": ["2027-03-16"],
    }
    assert answer.payload["skipped"] == []
    shown = await found(desk, series["id"])
    assert (shown["startsAt"], shown["durationMinutes"], shown["partySize"]) == (TUESDAY, 60, 3)
    assert (shown["room"]["id"], shown["customer"]["id"]) == (
        api_id(venue.rooms[0]),
        api_id(venue.customer),
    )
    assert shown["occurrences"]["totalCount"] == 4
    booked = shown["occurrences"]["nodes"]
    assert [(each["local"]["start"], each["startsAt"]) for each in booked] == [
        ("2027-03-02T11:00", "2027-03-02T10:00:00Z"),
        ("2027-03-09T11:00", "2027-03-09T10:00:00Z"),
        ("2027-03-23T11:00", "2027-03-23T10:00:00Z"),
        ("2027-03-30T11:00", "2027-03-30T09:00:00Z"),
    ]
    for each in booked:
        assert each["originalStartsAt"] == each["price"]["lines"][0]["startsAt"] == each["startsAt"]
        assert (each["status"], each["partySize"], each["note"]) == ("CONFIRMED", 3, "Choir")
        assert each["customer"]["id"] == api_id(venue.customer)
        assert each["price"]["total"]["amount"] == "40.00"
        assert each["series"]["id"] == series["id"]


async def test_a_series_costs_a_point_for_each_booking_above_ten(
    desk: BookingClient, venue: Venue
) -> None:
    answers = [
        await book(desk, venue, f"FREQ=DAILY;COUNT={count}", roomId=api_id(venue.rooms[room]))
        for room, count in enumerate((10, 30))
    ]

    costs = [answer.extensions["cost"] for answer in answers]
    # The second time the document is known, so that it isn't paid for again.
    assert costs[1]["actualQueryCost"] == costs[1]["requestedQueryCost"] + 20
    assert len({cost["requestedQueryCost"] for cost in costs}) == 1


async def test_each_booking_is_logged_and_counted(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    made(await book(desk, venue, "FREQ=DAILY;COUNT=3"))

    logged = await owner.fetch(
        """SELECT l.type, l.after ->> 'starts_at' AS starts_at, b.id IS NOT NULL AS is_known
           FROM log l LEFT JOIN bookings b ON b.tenant_id = l.tenant_id AND b.id = l.subject_id
           WHERE l.tenant_id = $1 ORDER BY position""",
        venue.tenant.id,
    )
    assert [tuple(each) for each in logged] == [
        ("BOOKING_CREATED", f"2027-03-0{day}T10:00:00Z", True) for day in (2, 3, 4)
    ]
    used = "SELECT used FROM usage_counters WHERE tenant_id = $1 AND meter = 'bookings'"
    assert await owner.fetchval(used, venue.tenant.id) == 3


async def test_a_year_of_weeks_takes_six_statements(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, max_advance_days=400)
    desk = BookingClient(api, runtime, venue.staff)
    customer = {"id": api_id(venue.customer)}

    with statements(desk.runtime) as sent:
        answer = await desk(
            """mutation ($input: CreateBookingInput!) { createBooking(input: $input) {
                 booking { id } userErrors { message } } }""",
            input={
                "roomId": api_id(venue.rooms[0]),
                "start": {"at": TUESDAY},
                "durationMinutes": 60,
                "customer": customer,
                "recurrence": {"rrule": "FREQ=WEEKLY;COUNT=52"},
            },
        )

    made(answer)
    assert len(sent) <= 6, sent


# ------------------------------------------------------------------------------ conflicts


async def test_a_conflict_refuses_the_whole_series(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], "2027-03-03T10:30:00Z"))

    refusal = refused(await book(desk, venue, "FREQ=DAILY;COUNT=3"))

    assert (refusal["__typename"], refusal["code"], refusal["path"]) == (
        "SeriesConflictError",
        "SERIES_CONFLICT",
        ["input", "recurrence"],
    )
    assert refusal["message"] == (
        "1 of 3 occurrences can't be booked, the first at 11:00 on Wednesday 3 March 2027: "
        "Room 1 is booked 11:30–12:30 on Wednesday 3 March 2027."  # noqa: RUF001
    )
    assert refusal["conflicts"] == [
        {"startsAt": "2027-03-03T10:00:00Z", "reasons": [{"code": "SLOT_TAKEN"}]}
    ]
    assert len(await desk.bookings()) == 1


async def test_conflicts_are_skipped_with_their_reasons(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], "2027-03-02T10:30:00Z"))
    key = {"idempotencyKey": "once"}

    answer = await book(desk, venue, "FREQ=DAILY;COUNT=3", policy="SKIP_CONFLICTS", **key)
    again = await book(desk, venue, "FREQ=DAILY;COUNT=3", policy="SKIP_CONFLICTS", **key)

    assert made(answer)["startsAt"] == "2027-03-03T10:00:00Z"
    (skipped,) = answer.payload["skipped"]
    assert skipped["startsAt"] == "2027-03-02T10:00:00Z"
    (reason,) = skipped["reasons"]
    assert reason == {
        "code": "SLOT_TAKEN",
        "message": "Room 1 is booked 11:30–12:30 on Tuesday 2 March 2027.",  # noqa: RUF001
        "rule": {"startsAt": "2027-03-02T10:30:00Z", "endsAt": "2027-03-02T11:30:00Z"},
        "freesAt": "2027-03-02T11:30:00Z",
    }
    assert again.payload == {**answer.payload, "replayed": True}
    assert len(await desk.bookings()) == 3


async def test_what_lies_too_far_ahead_is_a_conflict(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, max_advance_days=30)
    desk = BookingClient(api, runtime, venue.staff)

    refusal = refused(await book(desk, venue, "FREQ=MONTHLY;COUNT=3"))
    kept = await book(desk, venue, "FREQ=MONTHLY;COUNT=3", policy="SKIP_CONFLICTS")

    assert [each["reasons"] for each in refusal["conflicts"]] == [[{"code": "MAX_ADVANCE"}]] * 2
    assert [each["startsAt"] for each in kept.payload["skipped"]] == [
        "2027-04-02T09:00:00Z",
        "2027-05-02T09:00:00Z",
    ]


# ------------------------------------------------------------------------------ cancelled


async def cancel(desk: BookingClient, booking: Any, scope: str, **given: Any) -> Answer:
    return await desk.cancel(booking, scope=scope, **given)


async def booked_days(desk: BookingClient, series: str) -> list[tuple[str, str]]:
    """Returns the day and the status of each booking of a series."""
    nodes = (await found(desk, series))["occurrences"]["nodes"]
    return [(each["startsAt"][8:10], each["status"]) for each in nodes]


async def occurrence(desk: BookingClient, number: int) -> Any:
    return (await desk.bookings())[number]


@pytest.mark.parametrize(
    ("rrule", "ended"),
    [
        ("FREQ=DAILY;COUNT=5", "FREQ=DAILY;COUNT=2"),
        ("FREQ=DAILY;UNTIL=20270306", "FREQ=DAILY;UNTIL=20270303"),
    ],
)
async def test_the_rest_of_a_series_is_cancelled(
    desk: BookingClient, venue: Venue, rrule: str, ended: str
) -> None:
    series = (await book(desk, venue, rrule)).payload["series"]["id"]
    third = await occurrence(desk, 2)
    made(await desk.move(await occurrence(desk, 3), "2027-03-01T10:00:00Z"))
    key = {"reason": "No more choir", "idempotencyKey": "once"}

    answer = await cancel(desk, third, "THIS_AND_FOLLOWING", **key)
    again = await cancel(desk, third, "THIS_AND_FOLLOWING", **key)

    assert [each["startsAt"][8:10] for each in made(answer)] == ["04", "01", "06"]
    assert again.payload == {**answer.payload, "replayed": True}
    assert await booked_days(desk, series) == [
        ("01", "CANCELLED"),
        ("02", "CONFIRMED"),
        ("03", "CONFIRMED"),
        ("04", "CANCELLED"),
        ("06", "CANCELLED"),
    ]
    shown = await found(desk, series)
    assert (shown["rrule"], shown["version"]) == (ended, 2)
    history = await desk.history(third)
    assert (history[-1]["type"], history[-1]["reason"]) == ("BOOKING_CANCELLED", "No more choir")


async def test_all_of_a_series_that_has_not_begun_is_cancelled(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    series = (await book(desk, venue, "FREQ=DAILY;COUNT=4")).payload["series"]["id"]
    made(await desk.cancel(await occurrence(desk, 3)))
    second = await occurrence(desk, 1)
    clock.advance(days=1, hours=2)

    cancelled = made(await cancel(desk, second, "ALL"))

    assert [each["startsAt"][8:10] for each in cancelled] == ["03", "04"]
    assert await booked_days(desk, series) == [
        ("02", "CONFIRMED"),
        ("03", "CANCELLED"),
        ("04", "CANCELLED"),
        ("05", "CANCELLED"),
    ]
    assert (await found(desk, series))["rrule"] == "FREQ=DAILY;COUNT=1"
    again = refused(await cancel(desk, await occurrence(desk, 0), "ALL"))
    assert again["code"] == "INVALID_TRANSITION"


async def test_only_what_repeats_has_a_scope(desk: BookingClient, venue: Venue) -> None:
    single = made(await desk.create(venue.rooms[0], TUESDAY))

    refusal = refused(await cancel(desk, single, "ALL"))

    assert (refusal["code"], refusal["path"]) == ("INVALID", ["id"])
    assert "doesn't repeat" in refusal["message"]


async def test_a_stale_version_cancels_nothing(desk: BookingClient, venue: Venue) -> None:
    series = (await book(desk, venue, "FREQ=DAILY;COUNT=2")).payload["series"]["id"]
    first = await occurrence(desk, 0)

    refusal = refused(await cancel(desk, {**first, "version": 7}, "ALL"))

    assert refusal["code"] == "STALE_VERSION"
    assert {status for _, status in await booked_days(desk, series)} == {"CONFIRMED"}


# ------------------------------------------------------------------------------ added


ADD = f"""mutation ($id: ID!, $version: Int!, $start: StartInput!) {{
    addOccurrence(seriesId: $id, version: $version, start: $start) {{
        booking {{ startsAt endsAt originalStartsAt partySize note status
                   series {{ id version }} customer {{ id }} room {{ id }} }}
        userErrors {{ ...Refused }} }} }} {REFUSAL}"""


async def add(desk: BookingClient, series: Any, at: str, version: int) -> Answer:
    return await desk(ADD, id=series["id"], version=version, start={"at": at})


async def test_a_skipped_date_is_added_when_the_blocker_has_gone(
    desk: BookingClient, venue: Venue
) -> None:
    blocker = made(await desk.create(venue.rooms[0], "2027-03-03T10:30:00Z"))
    given: Any = {
        "customer": {"id": api_id(venue.customer)},
        "partySize": 2,
        "note": "Choir",
        "durationMinutes": 90,
    }
    answer = await book(desk, venue, "FREQ=DAILY;COUNT=3", policy="SKIP_CONFLICTS", **given)
    series, (skipped,) = answer.payload["series"], answer.payload["skipped"]

    taken = refused(await add(desk, series, skipped["startsAt"], 1))
    made(await desk.cancel(blocker))
    added = made(await add(desk, series, skipped["startsAt"], 1))
    stale = refused(await add(desk, series, "2027-03-09T10:00:00Z", 1))
    made(await add(desk, series, "2027-03-09T10:00:00Z", 2))

    assert taken["code"] == "SLOT_TAKEN"
    assert added == {
        "startsAt": "2027-03-03T10:00:00Z",
        "endsAt": "2027-03-03T11:30:00Z",
        "originalStartsAt": "2027-03-03T10:00:00Z",
        "partySize": 2,
        "note": "Choir",
        "status": "CONFIRMED",
        "series": {"id": series["id"], "version": 2},
        "customer": {"id": api_id(venue.customer)},
        "room": {"id": api_id(venue.rooms[0])},
    }
    assert stale["code"] == "STALE_VERSION"
    assert [day for day, _ in await booked_days(desk, series["id"])] == ["02", "03", "04", "09"]


async def test_others_can_not_add_to_a_customers_series(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    series = (await book(desk, venue, "FREQ=DAILY;COUNT=2")).payload["series"]
    guest = BookingClient(api, runtime, venue.guest)

    refusal = refused(await add(guest, series, "2027-03-09T10:00:00Z", 1))

    assert (refusal["code"], refusal["path"]) == ("NOT_FOUND", ["seriesId"])


# ------------------------------------------------------------------------------ moved


async def starts(desk: BookingClient, series: str) -> list[str]:
    """Returns the local start of each booking of a series that isn't cancelled."""
    nodes = (await found(desk, series))["occurrences"]["nodes"]
    return [each["local"]["start"][5:] for each in nodes if each["status"] == "CONFIRMED"]


async def test_the_rest_of_a_series_moves_into_a_series_of_its_own(
    desk: BookingClient, venue: Venue
) -> None:
    # The clock is put forward on 28 March.
    answer = await book(
        desk, venue, "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=9", without=["2027-03-04", "2027-03-25"]
    )
    head = answer.payload["series"]["id"]
    third = await occurrence(desk, 2)
    assert third["local"]["start"] == "2027-03-11T11:00"
    given = {"scope": "THIS_AND_FOLLOWING", "durationMinutes": 90, "reason": "New teacher"}

    moved = made(
        await desk.move(third, "2027-03-12T13:30:00Z", venue.rooms[1], **given, idempotencyKey="m")
    )

    assert [each["local"]["start"][5:] for each in moved] == [
        "03-12T14:30",
        "03-17T14:30",
        "03-19T14:30",
        "03-24T14:30",
        "03-31T14:30",
    ]
    assert moved[0]["id"] == third["id"]
    assert {each["room"]["name"] for each in moved} == {"Room 2"}
    assert {each["price"]["total"]["amount"] for each in moved} == {"60.00"}
    kept = await found(desk, head)
    assert (kept["rrule"], kept["version"]) == ("FREQ=WEEKLY;COUNT=3;BYDAY=TU,TH", 2)
    assert kept["exceptDates"] == ["2027-03-04"]
    assert await starts(desk, head) == ["03-02T11:00", "03-09T11:00"]
    (tail,) = {each["series"]["id"] for each in (await series_of(desk, moved))}
    rest = await found(desk, tail)
    assert (rest["rrule"], rest["version"]) == ("FREQ=WEEKLY;COUNT=6;BYDAY=WE,FR", 1)
    assert rest["exceptDates"] == ["2027-03-26"]
    assert [each["originalStartsAt"] for each in rest["occurrences"]["nodes"]] == [
        each["startsAt"] for each in moved
    ]
    added = made(await add(desk, rest, "2027-04-30T12:00:00Z", 1))
    assert (added["room"]["id"], added["endsAt"]) == (
        api_id(venue.rooms[1]),
        "2027-04-30T13:30:00Z",
    )


async def series_of(desk: BookingClient, bookings: Any) -> Any:
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Booking { series { id } } } }"
    return (await desk(text, ids=[each["id"] for each in bookings])).payload


@pytest.mark.parametrize("by", [-13 * 60, -90, 90, 13 * 60])
async def test_a_series_moves_through_its_own_times(
    api: Api, runtime: Runtime, owner: asyncpg.Connection, by: int
) -> None:
    venue = await make_venue(runtime, max_duration_minutes=1440)
    desk = BookingClient(api, runtime, venue.staff)
    made(await book(desk, venue, "FREQ=DAILY;COUNT=4", durationMinutes=1380))
    second = await occurrence(desk, 1)
    start = datetime(2027, 3, 3, 10, tzinfo=UTC) + timedelta(minutes=by)

    made(await desk.move(second, start, scope="ALL"))

    first = datetime(2027, 3, 2, 10, tzinfo=UTC) + timedelta(minutes=by)
    nodes = await desk.bookings()
    assert [each["startsAt"] for each in nodes] == [
        rfc(first + timedelta(days=day)) for day in range(4)
    ]
    assert {each["status"] for each in nodes} == {"CONFIRMED"}
    assert await owner.fetchval(OVERLAPS) == 0
    history = await desk.history(second)
    assert [each["type"] for each in history] == ["BOOKING_CREATED", "BOOKING_RESCHEDULED"]


async def test_what_was_moved_by_itself_stays_unless_it_is_in_the_way(
    desk: BookingClient, venue: Venue
) -> None:
    series = (await book(desk, venue, "FREQ=DAILY;COUNT=5")).payload["series"]["id"]
    made(await desk.move(await occurrence(desk, 1), "2027-03-03T20:00:00Z"))
    made(await desk.move(await occurrence(desk, 2), "2027-03-06T14:30:00Z"))
    made(await desk.cancel(await occurrence(desk, 2)))

    moved = made(await desk.move(await occurrence(desk, 0), "2027-03-02T15:00:00Z", scope="ALL"))

    assert len(moved) == 3
    assert await starts(desk, series) == [
        "03-02T16:00",
        "03-03T21:00",
        "03-04T16:00",
        "03-06T16:00",
    ]


async def test_a_conflict_moves_nothing(desk: BookingClient, venue: Venue) -> None:
    series = (await book(desk, venue, "FREQ=DAILY;COUNT=3")).payload["series"]["id"]
    made(await desk.create(venue.rooms[0], "2027-03-04T15:00:00Z"))
    before = await found(desk, series)

    refusal = refused(
        await desk.move(await occurrence(desk, 0), "2027-03-02T15:00:00Z", scope="ALL")
    )

    assert (refusal["code"], refusal["path"]) == ("SERIES_CONFLICT", ["input", "start"])
    assert refusal["message"].startswith("1 of 3 occurrences can't be booked, the first at 16:00")
    assert await found(desk, series) == before


async def test_the_past_of_a_series_keeps_its_rule(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    head = (await book(desk, venue, "FREQ=DAILY;UNTIL=20270305")).payload["series"]["id"]
    clock.advance(days=1, hours=1, minutes=30)

    begun = refused(await desk.move(await occurrence(desk, 0), "2027-03-02T15:00:00Z", scope="ALL"))
    made(await desk.move(await occurrence(desk, 2), "2027-03-05T08:00:00Z", scope="ALL"))

    assert begun["message"] == "This booking has begun; choose one that hasn't."
    assert await starts(desk, head) == ["03-02T11:00"]
    assert (await found(desk, head))["rrule"] == "FREQ=DAILY;UNTIL=20270302"
    rest = await series_of(desk, (await desk.bookings())[1:])
    assert (await found(desk, rest[0]["series"]["id"]))["rrule"] == "FREQ=DAILY;UNTIL=20270306"


async def test_a_customer_moves_their_series_by_the_rules_of_single_moves(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(
        runtime, payment_policy="full", requires_confirmation=True, change_minutes_before=60
    )
    guest, desk = (BookingClient(api, runtime, each) for each in (venue.guest, venue.manager))
    customer: Any = {"customer": {"id": api_id(venue.customer)}}
    made(await book(desk, venue, "FREQ=DAILY;COUNT=3", **customer))
    first = await occurrence(guest, 0)

    longer: Any = {"scope": "ALL", "durationMinutes": 120}
    costs_more = refused(await guest.move(first, "2027-03-02T15:00:00Z", **longer))
    moved = made(await guest.move(first, "2027-03-02T15:00:00Z", scope="ALL"))

    assert costs_more["message"] == (
        "The new price has to be paid first; move the bookings one by one."
    )
    assert [each["startsAt"][5:16] for each in moved] == [
        "03-02T15:00",
        "03-03T15:00",
        "03-04T15:00",
    ]


async def test_a_rule_of_months_moves_to_another_time_only(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, max_advance_days=200)
    desk = BookingClient(api, runtime, venue.staff)
    made(await book(desk, venue, "FREQ=MONTHLY;COUNT=3"))
    first = await occurrence(desk, 0)

    refusal = refused(await desk.move(first, "2027-03-03T10:00:00Z", scope="ALL"))
    moved = made(await desk.move(first, "2027-03-02T12:00:00Z", scope="ALL"))

    assert (refusal["code"], refusal["path"]) == ("INVALID", ["input", "start"])
    assert "repeats by months" in refusal["message"]
    assert [each["local"]["start"][5:] for each in moved] == [
        "03-02T13:00",
        "04-02T13:00",
        "05-02T13:00",
    ]


# ------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("given", "code", "path", "problem"),
    [
        ({"rrule": "FREQ=WEEKLY"}, "INVALID", "rrule", "either COUNT or UNTIL"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=MO;COUNT=2"}, "INVALID", "rrule", "first date"),
        ({"without": ["2027-03-04"]}, "INVALID", "exceptDates", "no occurrence on 2027-03-04"),
        ({"durationMinutes": 1500}, "INVALID", "durationMinutes", "The occurrences overlap"),
        ({"partySize": 900, "policy": "SKIP_CONFLICTS"}, "SERIES_CONFLICT", "recurrence", "2 of 2"),
        (
            {"expectedTotal": {"amount": "80.00", "currencyCode": "EUR"}},
            "PRICE_CHANGED",
            "expectedTotal",
            "now 40.00 EUR",
        ),
        (
            {"holdId": "Qm9va2luZzow", "roomId": None, "start": None, "durationMinutes": None},
            "INVALID",
            "recurrence",
            "Leave this out",
        ),
    ],
    ids=str,
)
async def test_a_series_is_refused_in_plain_english(
    desk: BookingClient, venue: Venue, given: dict[str, Any], code: str, path: str, problem: str
) -> None:
    wanted = {"rrule": "FREQ=DAILY;COUNT=2", **given}

    refusal = refused(await book(desk, venue, **wanted))

    assert (refusal["code"], refusal["path"][-1]) == (code, path)
    assert problem in refusal["message"]
    assert await desk.bookings() == []


async def test_what_is_paid_in_advance_can_not_repeat(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, payment_policy="full")
    guest, desk = (BookingClient(api, runtime, each) for each in (venue.guest, venue.staff))

    refusal = refused(await book(guest, venue, "FREQ=DAILY;COUNT=2"))
    by_staff = await book(desk, venue, "FREQ=DAILY;COUNT=2")

    assert (refusal["code"], refusal["path"]) == ("INVALID", ["input", "recurrence"])
    assert "pay in advance" in refusal["message"]
    made(by_staff)


async def test_the_limit_of_the_plan_holds_for_all_of_it(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER, max_advance_days=200)
    desk = BookingClient(api, runtime, venue.staff)

    too_many = refused(await book(desk, venue, "FREQ=DAILY;COUNT=101"))
    made(await book(desk, venue, "FREQ=DAILY;COUNT=99"))
    late: Any = {"start": {"at": "2027-07-02T10:00:00Z"}}
    two_more = refused(await book(desk, venue, "FREQ=DAILY;COUNT=2", **late))
    made(await book(desk, venue, "FREQ=DAILY;COUNT=1", **late))

    assert [
        (each["limit"], each["used"], each["requiredPlan"]) for each in (too_many, two_more)
    ] == [(100, 0, "PROFESSIONAL"), (100, 99, "PROFESSIONAL")]
    assert two_more["message"] == (
        "Of the plan's 100 bookings, 1 are left; the Professional plan has more."
    )


# ------------------------------------------------------------------------------ seen


async def test_customers_see_the_series_that_is_theirs(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    guest = BookingClient(api, runtime, venue.guest)
    own = await book(guest, venue, "FREQ=DAILY;COUNT=2")
    other = await book(
        desk,
        venue,
        "FREQ=DAILY;COUNT=2",
        start={"at": "2027-03-02T14:00:00Z"},
        customer={"id": api_id(venue.other_customer)},
    )

    mine, theirs = (each.payload["series"]["id"] for each in (own, other))
    assert (await found(guest, mine))["occurrences"]["totalCount"] == 2
    assert await found(guest, theirs) is None
    assert (await found(desk, theirs))["occurrences"]["totalCount"] == 2


async def test_who_was_given_one_booking_can_not_change_anothers_series(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    theirs: Any = {"customer": {"id": api_id(venue.other_customer)}}
    series = (await book(desk, venue, "FREQ=DAILY;COUNT=2", **theirs)).payload["series"]["id"]
    made(await desk.update(await occurrence(desk, 1), customer={"id": api_id(venue.customer)}))
    guest = BookingClient(api, runtime, venue.guest)
    given = await occurrence(guest, 0)
    before = await found(desk, series)

    cancelled = refused(await cancel(guest, given, "ALL"))
    moved = refused(await guest.move(given, "2027-03-03T15:00:00Z", scope="ALL"))

    assert [each["code"] for each in (cancelled, moved)] == ["NOT_FOUND"] * 2
    assert await found(desk, series) == before
    made(await guest.cancel(given))


async def test_series_are_listed_for_those_who_may_see_them(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    ours: dict[str, Any] = {"customer": {"id": api_id(venue.customer)}}
    first = (await book(desk, venue, "FREQ=WEEKLY;COUNT=2", **ours)).payload["series"]
    clock.advance(minutes=1)
    later: dict[str, Any] = {
        "start": {"at": "2027-03-02T12:00:00Z"},
        "roomId": api_id(venue.rooms[1]),
    }
    second = (await book(desk, venue, "FREQ=DAILY;COUNT=2", **later)).payload["series"]
    query = """query ($filter: SeriesFilter) {
      bookingSeries(first: 5, filter: $filter) { totalCount nodes { id } } }"""

    def listed(answer: Answer) -> list[str]:
        return [each["id"] for each in answer.payload["nodes"]]

    of_room = {"roomId": {"eq": api_id(venue.rooms[1])}}
    of_customer = {"customerId": {"in": [api_id(venue.customer)]}}
    assert listed(await desk(query)) == [second["id"], first["id"]]
    assert listed(await desk(query, filter=of_room)) == [second["id"]]
    assert listed(await desk(query, filter=of_customer)) == [first["id"]]
    assert listed(await BookingClient(api, runtime, venue.guest)(query)) == [first["id"]]
