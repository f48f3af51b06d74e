"""Quotas over the API: who is refused what, and what lifts it."""

from typing import Any

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_venue
from tests.support.guests import confirm, mailed
from tests.support.statements import round_trips

CREATE = """mutation ($input: CreateQuotaInput!) { createQuota(input: $input) {
    quota { id measure period limit tag version }
    userErrors { code path message ... on LimitError { limit used } } } }"""
UPDATE = """mutation ($id: ID!, $version: Int!, $limit: Int!) {
    updateQuota(id: $id, version: $version, input: { limit: $limit }) {
      quota { limit version } userErrors { code path } } }"""
DELETE = "mutation ($id: ID!) { deleteQuota(id: $id) { deletedId userErrors { code path } } }"
BOOK = """mutation ($input: CreateBookingInput!) { createBooking(input: $input) {
    booking { id version } skipped { startsAt reasons { code } } series { id version }
    userErrors { code path message ... on LimitError { limit used freesAt }
      ... on SeriesConflictError { conflicts { startsAt reasons { code } } } } } }"""
MONDAY = "2027-03-08T10:00:00Z"
TUESDAY = "2027-03-09T10:00:00Z"
WEDNESDAY = "2027-03-10T10:00:00Z"
NEXT_MONDAY = "2027-03-15T10:00:00Z"
NEXT_WEEK = "2027-03-14T23:00:00Z"


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.guest)


@pytest.fixture
def owner(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.owner)


async def limit(owner: BookingClient, limit: int, period: str | None = "WEEK", **given: Any) -> Any:
    quota = {"measure": "BOOKINGS", "period": period, "limit": limit, **given}
    answer = await owner(CREATE, input=quota)
    assert answer.refusals == [], answer.payload
    return answer.payload["quota"]


async def book(desk: BookingClient, venue: Venue, at: str, **given: Any) -> Answer:
    slot = {"roomId": api_id(venue.rooms[0]), "start": {"at": at}, "durationMinutes": 60, **given}
    return await desk(BOOK, input=slot)


# ------------------------------------------------------------------------------ bookings


async def test_a_third_booking_of_a_week_is_refused_until_one_is_cancelled(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await limit(owner, 2)
    first = made(await guest.create(venue.rooms[0], MONDAY))
    made(await guest.create(venue.rooms[0], TUESDAY))

    third = refused(await book(guest, venue, WEDNESDAY))

    assert third == {
        "code": "QUOTA_EXCEEDED",
        "path": ["input", "start"],
        "message": "At most 2 bookings a week for one customer, and 2 are used: cancel a booking "
        "first, or choose a time from 00:00 on Monday 15 March 2027.",
        "limit": 2,
        "used": 2,
        "freesAt": NEXT_WEEK,
    }
    made(await guest.create(venue.rooms[0], NEXT_MONDAY))
    moved(await guest.cancel(first))
    made(await guest.create(venue.rooms[0], WEDNESDAY))


async def test_explain_slot_names_the_quota_of_who_calls(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await limit(owner, 1)
    made(await guest.create(venue.rooms[0], MONDAY))

    own = (await guest.explain(venue.rooms[0], TUESDAY)).payload
    of_owner = (await owner.explain(venue.rooms[0], TUESDAY)).payload

    assert own["state"] == "BLOCKED"
    (reason,) = own["reasons"]
    assert reason["code"] == "QUOTA_EXCEEDED"
    assert reason["rule"] == {"measure": "BOOKINGS", "period": "WEEK", "limit": 1, "used": 1}
    assert reason["freesAt"] == NEXT_WEEK
    assert (of_owner["state"], of_owner["reasons"]) == ("FREE", [])


async def test_the_team_books_beyond_a_quota_and_the_log_says_so(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await limit(owner, 1)
    made(await guest.create(venue.rooms[0], MONDAY))
    customer = {"id": api_id(venue.customer)}

    second = made(await owner.create(venue.rooms[0], TUESDAY, customer=customer))

    (created,) = await owner.history(second)
    overridden = [each for each in created["changes"] if each["field"] == "overridden"]
    assert [each["after"] for each in overridden] == [["QUOTA_EXCEEDED"]]
    # What the team books counts for the customer, and others' bookings don't.
    assert (await book(guest, venue, WEDNESDAY)).refusals == ["QUOTA_EXCEEDED"]
    other = {"id": api_id(venue.other_customer)}
    made(await owner.create(venue.rooms[1], WEDNESDAY, customer=other))


async def test_a_program_without_the_override_is_limited_by_the_customers_quota(
    api: Api, guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await limit(owner, 1)
    made(await guest.create(venue.rooms[0], MONDAY))
    later = made(await guest.create(venue.rooms[0], NEXT_MONDAY))
    create = """mutation { createApiKey(input: { name: "Website", permissions: [
        "bookings:read", "bookings:write", "customers:read" ] }) { secret } }"""
    key = (await owner(create)).payload["secret"]
    slot = {"roomId": api_id(venue.rooms[0]), "start": {"at": TUESDAY}, "durationMinutes": 60}
    move = """mutation ($id: ID!, $start: StartInput!) {
        rescheduleBooking(id: $id, version: 1, input: { start: $start }) {
          userErrors { code } } }"""

    customer = {"customer": {"id": api_id(venue.customer)}}
    booked = await api(BOOK, {"input": {**slot, **customer}}, token=key)
    put_off = await api(move, {"id": later["id"], "start": {"at": TUESDAY}}, token=key)
    of_nobody = await api(BOOK, {"input": slot}, token=key)

    assert booked.refusals == put_off.refusals == ["QUOTA_EXCEEDED"]
    assert of_nobody.refusals == []


async def test_a_hold_counts_and_becomes_a_booking(
    guest: BookingClient, owner: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    await limit(owner, 1)
    hold = made(await guest.hold(venue.rooms[0], MONDAY))

    assert (await guest.hold(venue.rooms[0], TUESDAY)).refusals == ["QUOTA_EXCEEDED"]
    assert (await book(guest, venue, TUESDAY)).refusals == ["QUOTA_EXCEEDED"]
    clock.advance(minutes=6)
    again = made(await guest.hold(venue.rooms[0], TUESDAY))
    made(await guest.convert(again))
    assert hold["id"] != again["id"]


async def test_minutes_are_limited_by_day_also_when_a_booking_is_moved(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await limit(owner, 90, "DAY", measure="MINUTES")
    first = made(await guest.create(venue.rooms[0], MONDAY))
    second = made(await guest.create(venue.rooms[0], TUESDAY))

    onto_the_same_day = await guest.move(second, "2027-03-08T15:00:00Z")
    longer = await guest.move(first, "2027-03-08T15:00:00Z", durationMinutes=120)
    alone = moved(await guest.move(first, "2027-03-08T15:00:00Z", durationMinutes=90))

    assert onto_the_same_day.refusals == longer.refusals == ["QUOTA_EXCEEDED"]
    assert (alone["startsAt"], alone["endsAt"]) == ("2027-03-08T15:00:00Z", "2027-03-08T16:30:00Z")


async def test_a_quota_of_a_tag_is_for_those_who_have_it(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    quota = await limit(owner, 1, tag="  Student ")
    made(await guest.create(venue.rooms[0], MONDAY))
    made(await guest.create(venue.rooms[0], TUESDAY))

    tag = """mutation ($id: ID!) { tagCustomer(id: $id, version: 1, tags: ["STUDENT"]) {
        userErrors { code } } }"""
    assert (await owner(tag, id=api_id(venue.customer))).refusals == []

    assert quota["tag"] == "student"
    assert (await book(guest, venue, WEDNESDAY)).refusals == ["QUOTA_EXCEEDED"]


async def test_a_guest_is_limited_once_they_confirm(
    api: Api, runtime: Runtime, guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await limit(owner, 1)
    made(await guest.create(venue.rooms[0], MONDAY))
    same = {"name": "Guest", "email": venue.customer.email}
    text = """mutation ($input: BookAsGuestInput!) { bookAsGuest(input: $input) {
        token userErrors { code } } }"""
    slot = {"roomId": api_id(venue.rooms[0]), "start": {"at": TUESDAY}, "durationMinutes": 60}

    asked = await api(
        text, {"input": {**slot, "subdomain": venue.tenant.subdomain, "customer": same}}
    )
    confirmed = await confirm(api, mailed(runtime, asked.payload["token"]))

    # Nobody learns from it what the owner of the address has booked, nor uses that up.
    assert asked.refusals == []
    assert confirmed.refusals == ["QUOTA_EXCEEDED"]
    assert (await book(guest, venue, NEXT_MONDAY)).refusals == []


# ------------------------------------------------------------------------------ series


@pytest.mark.parametrize(
    ("policy", "refusals", "skipped"),
    [("FAIL_ALL", ["SERIES_CONFLICT"], None), ("SKIP_CONFLICTS", [], 3)],
    ids=["all or nothing", "what fits"],
)
async def test_a_series_is_limited_date_by_date(
    guest: BookingClient,
    owner: BookingClient,
    venue: Venue,
    policy: str,
    refusals: list[str],
    skipped: int | None,
) -> None:
    await limit(owner, 2)
    daily = {"rrule": "FREQ=DAILY;COUNT=5", "conflictPolicy": policy}

    answer = await book(guest, venue, MONDAY, recurrence=daily)

    assert answer.refusals == refusals
    if skipped is None:
        (error,) = answer.payload["userErrors"]
        assert [each["reasons"] for each in error["conflicts"]] == [
            [{"code": "QUOTA_EXCEEDED"}] for _ in range(3)
        ]
    else:
        assert [each["reasons"] for each in answer.payload["skipped"]] == [
            [{"code": "QUOTA_EXCEEDED"}] for _ in range(skipped)
        ]
        assert len(await guest.bookings()) == 2


# ------------------------------------------------------------------------------ quotas


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"limit": 0}, "INVALID", "limit"),
        ({"limit": -3}, "INVALID", "limit"),
        ({"limit": 1_001}, "INVALID", "limit"),
        ({"period": None}, "REQUIRED", "period"),
        ({"measure": "OPEN_HOLDS"}, "INVALID", "period"),
        ({"tag": "  "}, "REQUIRED", "tag"),
        ({"tag": "x" * 51}, "INVALID", "tag"),
        ({"limit": 5}, "DUPLICATE", "measure"),
    ],
    ids=["zero", "negative", "above", "no period", "holds a week", "blank", "long", "twice"],
)
async def test_a_wrong_quota_is_refused(
    owner: BookingClient, given: dict[str, Any], code: str, path: str
) -> None:
    await limit(owner, 3)

    usual = {"measure": "BOOKINGS", "period": "WEEK", "limit": 4}
    answer = await owner(CREATE, input={**usual, **given})

    refusals = [(each["code"], each["path"]) for each in answer.payload["userErrors"]]
    assert (code, ["input", path]) in refusals
    assert answer.payload["quota"] is None


async def test_a_quota_is_changed_and_deleted(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    quota = await limit(owner, 1)
    made(await guest.create(venue.rooms[0], MONDAY))
    given = {"id": quota["id"], "version": quota["version"]}

    changed = await owner(UPDATE, **given, limit=2)
    stale = await owner(UPDATE, **given, limit=3)
    wrong = await owner(UPDATE, **{**given, "version": 2}, limit=0)

    assert changed.payload["quota"] == {"limit": 2, "version": 2}
    assert (stale.refusals, wrong.refusals) == (["STALE_VERSION"], ["INVALID"])
    made(await guest.create(venue.rooms[0], TUESDAY))
    assert (await book(guest, venue, WEDNESDAY)).refusals == ["QUOTA_EXCEEDED"]
    assert (await owner(DELETE, id=quota["id"])).payload["deletedId"] == quota["id"]
    made(await guest.create(venue.rooms[0], WEDNESDAY))
    assert (await owner("{ quotas { id } }")).payload == []


# ------------------------------------------------------------------------------ cost


async def test_venues_without_quotas_book_in_one_statement(
    guest: BookingClient, owner: BookingClient, venue: Venue, runtime: Runtime
) -> None:
    made(await book(guest, venue, MONDAY))

    with round_trips(runtime) as sent:
        made(await book(guest, venue, TUESDAY))
    await limit(owner, 9)
    made(await book(guest, venue, WEDNESDAY))
    with round_trips(runtime) as step_by_step:
        made(await book(guest, venue, NEXT_MONDAY))

    assert sum("INSERT INTO bookings" in each for each in sent) == 1
    assert not any("FOR NO KEY UPDATE" in each or "BEGIN" in each for each in sent)
    # Two more than without quotas: the customer's row, and their bookings.
    assert sum("booking_quotas" in each for each in step_by_step) == 0
    assert sum("FOR NO KEY UPDATE" in each for each in step_by_step) == 1
