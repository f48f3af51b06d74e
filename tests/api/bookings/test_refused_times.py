"""Times that can't be booked: each rule's refusal has the data to find another time."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, refused, rfc
from tests.support.factories import Venue, api_id, make_booking, make_venue

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
TEN = "2027-03-02T10:00:00Z"
ELEVEN = "2027-03-02T11:00:00Z"
NOON = "2027-03-02T12:00:00Z"


@pytest.fixture
def staff(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.guest)


@pytest.fixture
def owner(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.owner)


def ahead(*, days: float = 0, minutes: float = 0) -> str:
    return rfc(NOW + timedelta(days=days, minutes=minutes))


# ------------------------------------------------------------------------------ taken


@pytest.mark.parametrize(
    ("start", "minutes", "codes"),
    [
        (TEN, 60, ["SLOT_TAKEN"]),
        ("2027-03-02T09:30:00Z", 60, ["SLOT_TAKEN"]),
        ("2027-03-02T10:30:00Z", 60, ["SLOT_TAKEN"]),
        ("2027-03-02T10:30:00Z", 15, ["SLOT_TAKEN"]),
        ("2027-03-02T09:00:00Z", 240, ["SLOT_TAKEN"]),
        ("2027-03-02T09:00:00Z", 60, []),
        (ELEVEN, 60, []),
    ],
)
async def test_a_time_is_given_once(
    staff: BookingClient, venue: Venue, start: str, minutes: int, codes: list[str]
) -> None:
    made(await staff.create(venue.rooms[0], TEN))

    assert (await staff.create(venue.rooms[0], start, minutes=minutes)).refusals == codes


async def test_another_room_is_another_time(staff: BookingClient, venue: Venue) -> None:
    made(await staff.create(venue.rooms[0], TEN))

    assert made(await staff.create(venue.rooms[1], TEN))["room"]["name"] == "Room 2"


async def test_a_taken_time_says_by_what_but_not_by_whom(
    guest: BookingClient, venue: Venue
) -> None:
    staff = BookingClient(guest.api, guest.runtime, venue.staff)
    made(await staff.create(venue.rooms[0], TEN, customer={"id": api_id(venue.other_customer)}))

    refusal = refused(await guest.create(venue.rooms[0], "2027-03-02T09:00:00Z", minutes=90))

    assert refusal["__typename"] == "SlotConflictError"
    assert (refusal["code"], refusal["path"]) == ("SLOT_TAKEN", ["input", "start"])
    assert refusal["message"] == "Room 1 is booked 11:00–12:00 on Tuesday 2 March 2027."  # noqa: RUF001
    assert refusal["conflicts"] == [
        {"roomId": api_id(venue.rooms[0]), "startsAt": TEN, "endsAt": ELEVEN}
    ]


async def test_the_next_create_gets_each_alternative(staff: BookingClient, venue: Venue) -> None:
    made(await staff.create(venue.rooms[0], TEN))
    made(await staff.create(venue.rooms[1], TEN))

    refusal = refused(await staff.create(venue.rooms[0], TEN))

    offered = [(each["room"]["name"], each["startsAt"]) for each in refusal["alternatives"]]
    assert offered == [
        ("Room 1", "2027-03-02T09:00:00Z"),
        ("Room 2", "2027-03-02T09:00:00Z"),
        ("Room 1", ELEVEN),
    ]
    answers = [
        await staff.create(venue.rooms[0], each["startsAt"], roomId=each["room"]["id"])
        for each in refusal["alternatives"]
    ]
    assert [made(each)["status"] for each in answers] == 3 * ["CONFIRMED"]


async def test_alternatives_are_as_many_as_are_asked_for(
    staff: BookingClient, venue: Venue
) -> None:
    made(await staff.create(venue.rooms[0], TEN, minutes=720))

    answer = await staff(
        """mutation ($room: ID!, $at: DateTime!) {
             createBooking(input: {roomId: $room, start: {at: $at}, durationMinutes: 60}) {
               userErrors { ... on SlotConflictError {
                 none: alternatives(first: 0) { startsAt }
                 many: alternatives(first: 20) { startsAt state price { amount } } } } } }""",
        room=api_id(venue.rooms[0]),
        at=NOON,
    )

    (refusal,) = answer.payload["userErrors"]
    assert refusal["none"] == []
    assert len(refusal["many"]) == 20
    assert refusal["many"][0] == {"startsAt": NOON, "state": "FREE", "price": {"amount": "40.00"}}


async def test_alternatives_hold_the_whole_party(staff: BookingClient, venue: Venue) -> None:
    made(await staff.create(venue.rooms[1], TEN))

    refusal = refused(await staff.create(venue.rooms[1], TEN, partySize=7))

    offered = {each["room"]["name"] for each in refusal["alternatives"]}
    assert offered == {"Room 2"}


async def test_a_guest_is_offered_no_alternative_without_notice(
    api: Api, runtime: Runtime, guest: BookingClient, venue: Venue
) -> None:
    soon = NOW + timedelta(minutes=60)
    await make_booking(runtime, venue, soon, room=venue.rooms[0])
    await make_booking(runtime, venue, soon, room=venue.rooms[1])

    refusal = refused(await guest.create(venue.rooms[0], soon))

    assert [each["startsAt"] for each in refusal["alternatives"]] == [
        "2027-03-01T11:00:00Z",
        "2027-03-01T11:00:00Z",
        "2027-03-01T11:30:00Z",
    ]


# ------------------------------------------------------------------------------ buffers


async def buffers(owner: BookingClient, venue: Venue, *, before: int, after: int) -> None:
    answer = await owner(
        """mutation ($id: ID!, $before: Int!, $after: Int!) {
             updateRoom(id: $id, version: 1,
                        input: {bufferBeforeMinutes: $before, bufferAfterMinutes: $after}) {
               room { version } userErrors { code } } }""",
        id=api_id(venue.rooms[0]),
        before=before,
        after=after,
    )
    assert answer.refusals == []


@pytest.mark.parametrize(
    ("start", "codes"),
    [
        ("2027-03-02T11:30:00Z", ["BUFFER_VIOLATION"]),
        ("2027-03-02T11:44:00Z", ["BUFFER_VIOLATION"]),
        ("2027-03-02T11:45:00Z", []),
        ("2027-03-02T08:30:00Z", ["BUFFER_VIOLATION"]),
        ("2027-03-02T08:15:00Z", []),
        ("2027-03-02T10:30:00Z", ["SLOT_TAKEN"]),
    ],
)
async def test_buffers_of_both_bookings_are_kept_free(
    staff: BookingClient, owner: BookingClient, venue: Venue, start: str, codes: list[str]
) -> None:
    await buffers(owner, venue, before=15, after=30)
    made(await staff.create(venue.rooms[0], TEN))

    assert (await staff.create(venue.rooms[0], start)).refusals == codes


async def test_a_clash_of_buffers_alone_says_so(
    staff: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await buffers(owner, venue, before=0, after=30)
    made(await staff.create(venue.rooms[0], TEN))

    refusal = refused(await staff.create(venue.rooms[0], ELEVEN))

    assert (refusal["__typename"], refusal["code"]) == ("SlotConflictError", "BUFFER_VIOLATION")
    assert refusal["conflicts"] == [
        {"roomId": api_id(venue.rooms[0]), "startsAt": TEN, "endsAt": ELEVEN}
    ]
    assert [each["startsAt"] for each in refusal["alternatives"]] == [
        ELEVEN,
        "2027-03-02T10:30:00Z",
        "2027-03-02T11:30:00Z",
    ]


async def test_the_longest_buffers_reach_across_two_days(
    staff: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await buffers(owner, venue, before=1440, after=1440)
    made(await staff.create(venue.rooms[0], "2027-03-05T10:00:00Z"))

    too_early = await staff.create(venue.rooms[0], "2027-03-03T09:30:00Z")
    too_late = await staff.create(venue.rooms[0], "2027-03-07T10:30:00Z")
    in_time = await staff.create(venue.rooms[0], "2027-03-07T11:00:00Z")

    assert too_early.refusals == too_late.refusals == ["BUFFER_VIOLATION"]
    assert in_time.refusals == []


async def test_a_booking_keeps_the_buffers_it_was_made_with(
    staff: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    made(await staff.create(venue.rooms[0], TEN))
    await buffers(owner, venue, before=0, after=30)

    assert (await staff.create(venue.rooms[0], ELEVEN)).refusals == []
    assert (await staff.create(venue.rooms[0], NOON)).refusals == ["BUFFER_VIOLATION"]


async def test_buffers_may_lie_outside_hours(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(
        runtime, hours={Weekday.TUESDAY: [(11 * 60, 12 * 60), (13 * 60, 14 * 60)]}
    )
    await buffers(BookingClient(api, runtime, venue.owner), venue, before=30, after=30)
    staff = BookingClient(api, runtime, venue.staff)

    assert made(await staff.create(venue.rooms[0], TEN))["status"] == "CONFIRMED"
    assert made(await staff.create(venue.rooms[0], NOON))["status"] == "CONFIRMED"


# ------------------------------------------------------------------------------ notice and grid


@pytest.mark.parametrize(
    ("minutes", "codes"),
    [(0, ["MIN_NOTICE"]), (30, ["MIN_NOTICE"]), (60, []), (90, [])],
)
async def test_guests_give_an_hour_of_notice(
    guest: BookingClient, venue: Venue, minutes: int, codes: list[str]
) -> None:
    assert (await guest.create(venue.rooms[0], ahead(minutes=minutes))).refusals == codes


@pytest.mark.parametrize(
    ("minutes", "codes"), [(-30, ["MIN_NOTICE"]), (-1, ["MIN_NOTICE"]), (0, []), (1, [])]
)
async def test_staff_need_no_notice_but_do_not_book_the_past(
    staff: BookingClient, venue: Venue, minutes: int, codes: list[str]
) -> None:
    assert (await staff.create(venue.rooms[0], ahead(minutes=minutes))).refusals == codes


async def test_the_past_is_min_notice_for_everybody(
    guest: BookingClient, staff: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    past = ahead(minutes=-30)

    answers = [await desk.create(venue.rooms[0], past) for desk in (guest, staff, owner)]

    assert [each.refusals for each in answers] == 3 * [["MIN_NOTICE"]]
    assert refused(answers[1])["message"] == "This time has passed."


@pytest.mark.parametrize(
    ("minute", "codes"), [("10", ["OFF_GRID"]), ("15", ["OFF_GRID"]), ("30", [])]
)
async def test_guests_start_on_the_grid(
    guest: BookingClient, venue: Venue, minute: str, codes: list[str]
) -> None:
    assert (await guest.create(venue.rooms[0], f"2027-03-02T10:{minute}:00Z")).refusals == codes


async def test_staff_start_at_any_whole_minute(staff: BookingClient, venue: Venue) -> None:
    minute = await staff.create(venue.rooms[0], "2027-03-02T10:07:00Z")
    second = await staff.create(venue.rooms[1], "2027-03-02T10:07:01Z")

    assert (minute.refusals, second.refusals) == ([], ["OFF_GRID"])


async def test_what_staff_lifted_is_in_the_history(staff: BookingClient, venue: Venue) -> None:
    lifted = made(await staff.create(venue.rooms[0], ahead(minutes=7)))
    usual = made(await staff.create(venue.rooms[0], TEN))

    (overriding,) = await staff.history(lifted)
    (ordinary,) = await staff.history(usual)
    assert {
        "field": "overridden",
        "before": None,
        "after": ["MIN_NOTICE", "OFF_GRID"],
    } in overriding["changes"]
    assert "overridden" not in [each["field"] for each in ordinary["changes"]]


# ------------------------------------------------------------------------------ the other rules


@pytest.mark.parametrize(
    ("days", "minutes", "codes"), [(90, 0, []), (90, 30, ["MAX_ADVANCE"]), (91, 0, ["MAX_ADVANCE"])]
)
async def test_bookings_open_ninety_days_ahead_for_staff_too(
    staff: BookingClient, venue: Venue, days: int, minutes: int, codes: list[str]
) -> None:
    start = ahead(days=days, minutes=minutes)

    assert (await staff.create(venue.rooms[0], start)).refusals == codes


@pytest.mark.parametrize(
    ("minutes", "codes"),
    [
        (14, ["MIN_DURATION"]),
        (15, []),
        (720, []),
        (721, ["MAX_DURATION"]),
        (0, ["INVALID"]),
        (-60, ["INVALID"]),
        (2_000_000_000, ["INVALID"]),
    ],
)
async def test_a_booking_takes_a_quarter_of_an_hour_to_twelve_hours(
    staff: BookingClient, venue: Venue, minutes: int, codes: list[str]
) -> None:
    answer = await staff.create(venue.rooms[0], TEN, minutes=minutes)

    assert answer.refusals == codes
    assert [each["path"] for each in answer.payload["userErrors"]] == [
        ["input", "durationMinutes"] for _ in codes
    ]


@pytest.mark.parametrize(("party", "codes"), [(4, []), (5, ["CAPACITY_EXCEEDED"])])
async def test_a_room_holds_so_many_people(
    staff: BookingClient, venue: Venue, party: int, codes: list[str]
) -> None:
    assert (await staff.create(venue.rooms[0], TEN, partySize=party)).refusals == codes


async def test_a_room_out_of_use_can_not_be_booked(
    staff: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await owner(
        "mutation ($id: ID!) { archiveRoom(id: $id, version: 1) { userErrors { code } } }",
        id=api_id(venue.rooms[0]),
    )

    refusal = refused(await staff.create(venue.rooms[0], TEN))

    assert (refusal["code"], refusal["path"]) == ("ROOM_ARCHIVED", ["input", "roomId"])


async def test_a_room_that_is_not_there_is_not_found(
    runtime: Runtime, staff: BookingClient, venue: Venue
) -> None:
    theirs = (await make_venue(runtime)).rooms[0]
    ids = ["nonsense", "Um9vbTowMTk0MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE=", api_id(theirs)]

    refusals = [refused(await staff.create(venue.rooms[0], TEN, roomId=id)) for id in ids]

    assert refusals == 3 * [
        {
            "__typename": "GenericUserError",
            "code": "NOT_FOUND",
            "message": "There is no such room.",
            "path": ["input", "roomId"],
        }
    ]


async def test_nothing_lifts_the_calendar(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, hours={Weekday.TUESDAY: [(9 * 60, 17 * 60)]})
    owner = BookingClient(api, runtime, venue.owner)
    await owner(
        """mutation { createBlackout(input: {
             startsAt: "2027-03-02T08:00:00Z", endsAt: "2027-03-02T10:00:00Z" }) {
             userErrors { code } } }"""
    )

    blocked = await owner.create(venue.rooms[0], "2027-03-02T09:30:00Z")
    closing = await owner.create(venue.rooms[0], "2027-03-02T15:30:00Z")
    closed = await owner.create(venue.rooms[0], "2027-03-03T10:00:00Z")
    free = await owner.create(venue.rooms[0], "2027-03-02T15:00:00Z")

    assert blocked.refusals == ["BLACKOUT"]
    assert closing.refusals == closed.refusals == ["OUTSIDE_BUSINESS_HOURS"]
    assert free.refusals == []


async def test_every_rule_that_refuses_is_told_at_once(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime, hours={Weekday.TUESDAY: [(9 * 60, 17 * 60)]})
    await BookingClient(api, runtime, venue.owner)(
        """mutation { createBlackout(input: {
             startsAt: "2027-03-01T09:00:00Z", endsAt: "2027-03-01T12:00:00Z" }) {
             userErrors { code } } }"""
    )
    await make_booking(runtime, venue, NOW)
    guest = BookingClient(api, runtime, venue.guest)

    answer = await guest.create(
        venue.rooms[0],
        "2027-03-01T09:10:00Z",
        minutes=10,
        partySize=5,
        customer={"id": api_id(venue.other_customer)},
        expectedTotal={"amount": "1.00", "currencyCode": "EUR"},
    )

    assert answer.payload["booking"] is None
    assert [(each["code"], each["path"][1]) for each in answer.payload["userErrors"]] == [
        ("CAPACITY_EXCEEDED", "partySize"),
        ("MIN_DURATION", "durationMinutes"),
        ("MIN_NOTICE", "start"),
        ("OFF_GRID", "start"),
        ("OUTSIDE_BUSINESS_HOURS", "start"),
        ("BLACKOUT", "start"),
        ("SLOT_TAKEN", "start"),
        ("NOT_FOUND", "customer"),
        ("PRICE_CHANGED", "expectedTotal"),
    ]


async def test_a_refusal_carries_the_reasons_that_explain_slot_gives(
    guest: BookingClient, venue: Venue
) -> None:
    start = "2027-03-01T09:10:00Z"

    answer = await guest.create(venue.rooms[0], start, partySize=5)
    explained = (await guest.explain(venue.rooms[0], start, party=5)).payload

    first, *others = answer.payload["userErrors"]
    assert first["__typename"] == "SlotUnavailableError"
    assert first["reasons"] == explained["reasons"]
    assert [each["reasons"] for each in others] == 2 * [first["reasons"]]


# ------------------------------------------------------------------------------ long bookings


async def test_days_and_weeks_are_booked_where_the_venue_allows_it(
    staff: BookingClient, owner: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    room, month = venue.rooms[0], 31 * 24 * 60
    too_long = refused(await staff.create(room, TEN, minutes=month))
    settings = """mutation ($minutes: Int!) {
      updateTenantSettings(version: 1, input: {maxDurationMinutes: $minutes}) {
        userErrors { code }
      }
    }"""
    beyond = await owner(settings, minutes=month + 61)
    assert (await owner(settings, minutes=month)).refusals == []

    booking = made(await staff.create(room, TEN, minutes=month))
    middle = NOW + timedelta(days=20)
    inside = refused(await staff.create(room, middle))
    listed = await staff.bookings(
        overlaps={"gte": rfc(middle), "lt": rfc(middle + timedelta(hours=1))}
    )
    free = await staff.available(
        middle, middle + timedelta(hours=1), roomIds=[api_id(room)], includeUnavailable=True
    )

    assert (too_long["code"], beyond.refusals) == ("MAX_DURATION", ["INVALID"])
    assert inside["code"] == "SLOT_TAKEN"
    assert [each["id"] for each in listed] == [booking["id"]]
    assert {slot["state"] for slot in free["slots"]} == {"BUSY"}
