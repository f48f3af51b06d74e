"""Lists of bookings: the bounds of filters, and stable pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.bookings.lifecycle import Status
from kit.runtime import Runtime
from models.bookings.bookings import Booking
from tests.support.client import Api
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id, make_booking

NINE = datetime(2027, 3, 2, 9, tzinfo=UTC)
UNKNOWN = "Um9vbTowMTk0MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE="


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


@pytest_asyncio.fixture
async def morning(runtime: Runtime, venue: Venue) -> list[Booking]:
    """An hour each at 9, 10 and 11 in the first room, and at 10 in the second for another."""
    hours = [
        await make_booking(runtime, venue, NINE + timedelta(hours=number)) for number in range(3)
    ]
    beside = await make_booking(
        runtime,
        venue,
        NINE + timedelta(hours=1),
        room=venue.rooms[1],
        customer=venue.other_customer,
        status=Status.PENDING,
    )
    return [*hours, beside]


async def found(desk: BookingClient, morning: list[Booking], **filter: Any) -> list[int]:
    """Returns the numbers of the morning's bookings that match a filter."""
    numbers = {api_id(booking): number for number, booking in enumerate(morning)}
    return sorted(numbers[each["id"]] for each in await desk.bookings(**filter))


@pytest.mark.parametrize(
    ("span", "numbers"),
    [
        ({}, [0, 1, 2, 3]),
        ({"gte": "2027-03-02T10:00:00Z", "lt": "2027-03-02T11:00:00Z"}, [1, 3]),
        ({"gte": "2027-03-02T09:59:59Z", "lt": "2027-03-02T10:00:00Z"}, [0]),
        ({"gte": "2027-03-02T09:59:59Z", "lt": "2027-03-02T10:00:01Z"}, [0, 1, 3]),
        ({"gte": "2027-03-02T11:00:00Z"}, [2]),
        ({"lt": "2027-03-02T10:00:00Z"}, [0]),
        ({"gte": "2027-03-02T12:00:00Z"}, []),
    ],
)
async def test_overlaps_are_half_open(
    desk: BookingClient, morning: list[Booking], span: dict[str, str], numbers: list[int]
) -> None:
    assert await found(desk, morning, overlaps=span) == numbers


@pytest.mark.parametrize(
    ("span", "numbers"),
    [
        ({"gte": "2027-03-02T10:00:00Z"}, [1, 2, 3]),
        ({"lt": "2027-03-02T10:00:00Z"}, [0]),
        ({"gte": "2027-03-02T10:00:00Z", "lt": "2027-03-02T10:00:00Z"}, []),
    ],
)
async def test_starts_are_half_open(
    desk: BookingClient, morning: list[Booking], span: dict[str, str], numbers: list[int]
) -> None:
    assert await found(desk, morning, startsAt=span) == numbers


async def test_a_day_long_booking_overlaps_its_last_minute(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, NINE, minutes=24 * 60)

    last = await desk.bookings(overlaps={"gte": "2027-03-03T08:59:00Z"})

    assert [each["id"] for each in last] == [api_id(booking)]


async def test_all_given_conditions_hold(
    desk: BookingClient, venue: Venue, morning: list[Booking]
) -> None:
    first, second = (api_id(each) for each in venue.rooms)
    other = api_id(venue.other_customer)

    assert await found(desk, morning, roomId={"eq": first}) == [0, 1, 2]
    assert await found(desk, morning, roomId={"in": [second, first]}) == [0, 1, 2, 3]
    assert await found(desk, morning, customerId={"eq": other}) == [3]
    assert await found(desk, morning, roomId={"eq": first}, customerId={"eq": other}) == []
    assert await found(desk, morning, status={"eq": "PENDING"}) == [3]
    assert await found(desk, morning, status={"notIn": ["PENDING"]}) == [0, 1, 2]


async def test_an_id_of_nothing_matches_nothing(
    desk: BookingClient, morning: list[Booking]
) -> None:
    assert await found(desk, morning, roomId={"eq": UNKNOWN}) == []
    assert await found(desk, morning, roomId={"eq": "nonsense"}) == []
    assert await found(desk, morning, roomId={"in": []}) == []
    assert await found(desk, morning, customerId={"in": [UNKNOWN, "nonsense"]}) == []


async def test_a_search_looks_in_reference_and_customer(
    desk: BookingClient, venue: Venue, morning: list[Booking]
) -> None:
    assert await found(desk, morning, search=morning[1].reference.lower()) == [1]
    assert await found(desk, morning, search="OTHER@") == [3]
    assert await found(desk, morning, search="%") == []


async def test_pages_do_not_shift_when_bookings_come(
    desk: BookingClient, runtime: Runtime, venue: Venue, morning: list[Booking]
) -> None:
    page = """query ($after: String) { bookings(first: 2, after: $after) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } }"""

    first = (await desk(page)).payload
    await make_booking(runtime, venue, NINE - timedelta(hours=1))
    second = (await desk(page, after=first["pageInfo"]["endCursor"])).payload

    seen = [each["id"] for each in (*first["nodes"], *second["nodes"])]
    assert sorted(seen) == sorted(api_id(each) for each in morning)
    assert (first["totalCount"], second["totalCount"]) == (4, 5)
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


async def test_a_list_goes_by_start_or_as_it_is_told(
    desk: BookingClient, morning: list[Booking]
) -> None:
    answer = await desk(
        """{ usual: bookings { nodes { startsAt } }
             last: bookings(last: 1) { nodes { startsAt } }
             latest: bookings(first: 1, orderBy: [{field: STARTS_AT, direction: DESC}]) {
               nodes { startsAt } } }"""
    )

    starts = [each["startsAt"][11:16] for each in answer.data["usual"]["nodes"]]
    assert starts == ["09:00", "10:00", "10:00", "11:00"]
    assert answer.data["last"] == answer.data["latest"]


@pytest.mark.parametrize("page", ["first: 251", "first: -1", "first: 1, last: 1", 'after: "x"'])
async def test_a_page_that_can_not_be_served_is_refused(desk: BookingClient, page: str) -> None:
    answer = await desk(f"{{ bookings({page}) {{ totalCount }} }}")

    assert set(answer.codes) <= {"BAD_USER_INPUT", "TOO_COMPLEX"}
    assert answer.codes


async def test_a_cursor_of_one_order_is_none_of_another(
    desk: BookingClient, morning: list[Booking]
) -> None:
    page = """query ($after: String, $order: [BookingOrder!]) {
      bookings(first: 1, after: $after, orderBy: $order) { pageInfo { endCursor } } }"""
    latest = [{"field": "STARTS_AT", "direction": "DESC"}]
    cursor = (await desk(page, order=latest)).payload["pageInfo"]["endCursor"]

    same = await desk(page, order=latest, after=cursor)
    turned = await desk(page, after=cursor)
    other = await desk(page, order=[{"field": "CREATED_AT", "direction": "DESC"}], after=cursor)

    assert (same.codes, turned.codes, other.codes) == ([], ["BAD_USER_INPUT"], ["BAD_USER_INPUT"])


async def test_a_refused_mutation_leaves_its_sisters_standing(
    desk: BookingClient, venue: Venue
) -> None:
    answer = await desk(
        """mutation ($room: ID!) {
             one: createBooking(input: {
               roomId: $room, start: {at: "2027-03-02T10:00:00Z"}, durationMinutes: 60}) {
               booking { status } userErrors { code } }
             same: createBooking(input: {
               roomId: $room, start: {at: "2027-03-02T10:00:00Z"}, durationMinutes: 60}) {
               booking { status } userErrors { code } }
             next: createBooking(input: {
               roomId: $room, start: {at: "2027-03-02T11:00:00Z"}, durationMinutes: 60}) {
               booking { status } userErrors { code } } }""",
        room=api_id(venue.rooms[0]),
    )

    done = {"booking": {"status": "CONFIRMED"}, "userErrors": []}
    assert answer.data == {
        "one": done,
        "same": {"booking": None, "userErrors": [{"code": "SLOT_TAKEN"}]},
        "next": done,
    }
    assert len(await desk.bookings()) == 2


@pytest.mark.parametrize(
    ("filter", "field"),
    [
        ({"roomId": {"eq": None}}, "eq"),
        ({"customerId": {"in": None}}, "in"),
        ({"status": {"notIn": None}}, "notIn"),
    ],
)
@pytest.mark.parametrize("by_variable", [True, False])
async def test_a_null_in_a_filter_is_no_filter_and_is_refused(
    desk: BookingClient, filter: dict[str, Any], field: str, by_variable: bool
) -> None:
    written = str(filter).replace("'", "").replace("None", "null")
    answer = (
        await desk("query ($f: BookingFilter) { bookings(filter: $f) { totalCount } }", f=filter)
        if by_variable
        else await desk(f"{{ bookings(filter: {written}) {{ totalCount }} }}")
    )

    assert answer.codes == ["BAD_USER_INPUT"]
    (error,) = answer.errors
    assert f"`{field}` can't be null; leave it out instead." in error["message"]
    assert error["extensions"]["argumentPath"] == ["filter", *filter, field]
