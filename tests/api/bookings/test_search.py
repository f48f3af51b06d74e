"""Search in a large venue finds the same as a check of every row."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from domain.bookings.lifecycle import REFERENCE_BYTES, reference, reference_form
from domain.core.phones import phone_digits, sought_digits
from domain.core.text import search_form, sort_key
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from schema.core.global_ids import encode_id
from tests.support.client import Api
from tests.support.factories import Venue, make_venue

NINE: Final = datetime(2027, 3, 2, 9, tzinfo=UTC)
# More than the functions of the database look at one by one.
CUSTOMERS: Final = 700
BOOKINGS: Final = 2_200
PAGE: Final = 50
NAMES: Final = (
    *("Anna", "Zoë", "O'Neil", "李小龍", "ßeta", "Łukasz", "50%", "a_b", "C:\\x", '"Q"', "Éva"),
    *("Björn", "Ђорђе", "かな", "Ann", "Annabell", "Ng"),
)
ODD: Final = (
    *("%", "_", "\\", "'", '"', "a%", "_b", "\\\\", ":*", "' & '", "李", "小龍", "ђ", "ΣΣ", " "),
)


BY_TEXT: Final = """
    query ($text: String!, $from: DateTime) {
      bookings(first: 50, filter: { search: $text, startsAt: { gte: $from } }) {
        totalCount exact: totalCount(mode: EXACT) nodes { id }
      }
      customers(first: 50, filter: { search: $text }) { totalCount nodes { id } }
    }
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A customer, and the bookings made for them: ids, references and starts."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    bookings: list[tuple[UUID, str, datetime]]

    def has(self, text: str) -> bool:
        digits = sought_digits(text)
        return (
            _has(search_form(self.name), search_form(text), text)
            or _has((self.email or "\n").lower(), text.strip().lower(), text)
            or (digits is not None and digits in phone_digits(self.phone or ""))
        )


@pytest_asyncio.fixture
async def known(database: DatabaseUrls, venue: Venue) -> list[Known]:
    customers = list(_made(Random(7)))
    connection = await asyncpg.connect(database.owner)
    try:
        async with connection.transaction():
            await _store(connection, venue, customers)
    finally:
        await connection.close()
    return [
        Known(venue.customer.id, "Guest", venue.customer.email, None, []),
        Known(venue.other_customer.id, "Other", venue.other_customer.email, None, []),
        *customers,
    ]


async def test_any_text_finds_what_looking_at_each_would(
    api: Api, venue: Venue, known: list[Known]
) -> None:
    for text in [*ODD, *_texts(Random(11), known, number=30)]:
        answer = await api(BY_TEXT, {"text": text}, token=venue.staff.token)

        found = _bookings(known, text)
        bookings, customers = answer.data["bookings"], answer.data["customers"]
        assert (bookings["totalCount"], bookings["exact"]) == (len(found), len(found)), text
        assert _ids(bookings) == [encode_id("Booking", each) for each in found[:PAGE]], text
        named = {encode_id("Customer", each.id) for each in known if each.has(text)}
        assert customers["totalCount"] == len(named), text
        assert set(_ids(customers)) <= named, text
        assert len(_ids(customers)) == min(len(named), PAGE), text


async def test_a_text_is_found_among_what_else_is_asked_for(
    api: Api, venue: Venue, known: list[Known]
) -> None:
    since = NINE + timedelta(hours=BOOKINGS // 2)
    for text in ["a", "n", "ng", *_texts(Random(13), known, number=10)]:
        variables = {"text": text, "from": since.isoformat()}
        answer = await api(BY_TEXT, variables, token=venue.staff.token)

        found = _bookings(known, text, lambda start: start >= since)
        assert answer.data["bookings"]["totalCount"] == len(found), text
        shown = [encode_id("Booking", each) for each in found[:PAGE]]
        assert _ids(answer.data["bookings"]) == shown, text


@pytest.mark.parametrize("text", ["anna", "a"])
async def test_pages_of_a_search_continue_each_other(
    api: Api, venue: Venue, known: list[Known], text: str
) -> None:
    page = """query ($text: String!, $after: String, $first: Int!) {
        bookings(first: $first, after: $after, filter: { search: $text }) {
          nodes { id } pageInfo { hasNextPage endCursor } } }"""
    shown: list[str] = []
    after = None
    for _ in range(3):
        answer = await api(
            page, {"text": text, "after": after, "first": 40}, token=venue.staff.token
        )
        shown += _ids(answer.payload)
        after = answer.payload["pageInfo"]["endCursor"]

    found = _bookings(known, text)
    assert shown == [encode_id("Booking", each) for each in found[:120]]
    assert answer.payload["pageInfo"]["hasNextPage"] == (len(found) > 120)


async def test_the_functions_show_the_present_tenant_only(
    database: DatabaseUrls, runtime: Runtime, venue: Venue, known: list[Known]
) -> None:
    other = await make_venue(runtime)
    connection = await asyncpg.connect(database.app)
    customers = "SELECT unnest(ids) FROM customers_found('', '', '', 10000, 10000)"
    bookings = "SELECT unnest(ids) FROM bookings_found('', 10000)"
    try:
        for tenant, own in (("", set()), (str(other.tenant.id), _own(other))):
            async with connection.transaction():
                await connection.execute("SELECT set_config('app.tenant', $1, true)", tenant)
                assert {row[0] for row in await connection.fetch(customers)} == own
                assert await connection.fetch(bookings) == []
        async with connection.transaction():
            tenant = str(venue.tenant.id)
            await connection.execute("SELECT set_config('app.tenant', $1, true)", tenant)
            assert len(await connection.fetch(customers)) == len(known)
            assert len(await connection.fetch(bookings)) == BOOKINGS
    finally:
        await connection.close()


def _own(venue: Venue) -> set[UUID]:
    return {venue.customer.id, venue.other_customer.id}


def _made(random: Random) -> Iterator[Known]:
    starts = [NINE + timedelta(hours=hour) for hour in range(BOOKINGS)]
    random.shuffle(starts)
    for number in range(CUSTOMERS):
        name = " ".join(random.choices(NAMES, k=2))
        email = f"{random.choice(('Ann', 'QZX', 'o_o', 'b%b'))}{number}@mail{number % 7}.test"
        phone = f"+1 212 {random.randrange(200, 999)} {random.randrange(10_000):04}"
        mine = [starts.pop() for _ in range(BOOKINGS // CUSTOMERS)]
        mine += starts if number == CUSTOMERS - 1 else []
        yield Known(
            new_id(),
            name,
            random.choice((email, None)),
            random.choice((phone, None)),
            [(new_id(), reference(random.randbytes(REFERENCE_BYTES)), start) for start in mine],
        )


async def _store(connection: asyncpg.Connection, venue: Venue, customers: Sequence[Known]) -> None:
    tenant, room, now = venue.tenant.id, venue.rooms[0].id, NINE
    await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
    await connection.executemany(
        """INSERT INTO customers (tenant_id, id, name, name_key, name_search, email, email_key,
               phone, phone_search, version, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, 1, $9)""",
        [
            (
                *(tenant, each.id, each.name, sort_key(each.name), search_form(each.name)),
                *(each.email, each.phone, each.phone and phone_digits(each.phone), now),
            )
            for each in customers
        ],
    )
    await connection.executemany(
        """INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
               ends_at, occupied, party_size, currency_code, version, link_version, created_at,
               updated_at)
           VALUES ($1, $2, $3, $4, $5, 'completed', $6, $6::timestamptz + interval '1 hour',
               tstzrange($6, $6::timestamptz + interval '1 hour'), 2, 'EUR', 1, 1, $7, $7)""",
        [
            (tenant, id, letters, room, each.id, start, now)
            for each in customers
            for id, letters, start in each.bookings
        ],
    )


def _texts(random: Random, known: Sequence[Known], *, number: int) -> Iterator[str]:
    """Yields pieces of what is stored, in any case, short and long."""
    for _ in range(number):
        each = random.choice(known[2:])
        letters = random.choice(each.bookings)[1]
        whole = random.choice([each.name, each.email, each.phone, letters]) or each.name
        length = random.choice((1, 2, 2, 3, 4, 6, len(whole)))
        start = random.randrange(max(len(whole) - length, 0) + 1)
        piece = whole[start : start + length]
        yield random.choice((piece, piece.upper(), piece.lower())) or "a"


def _bookings(
    known: Sequence[Known], text: str, wanted: Callable[[datetime], bool] = lambda _: True
) -> list[UUID]:
    """Returns the ids of the bookings that a text finds, the first to start first."""
    sought = reference_form(text)
    found = [
        (start, id)
        for each in known
        for id, letters, start in each.bookings
        if wanted(start) and (each.has(text) or _has(letters.replace("-", ""), sought, text))
    ]
    return [id for _, id in sorted(found)]


def _has(stored: str, sought: str, text: str) -> bool:
    """Returns whether a text is found; one of which nothing is left to find is found nowhere."""
    return sought in stored if sought or not text.strip() else False


def _ids(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["id"] for each in page["nodes"]]
