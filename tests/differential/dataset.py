"""Two venues with values that are hard to print, and callers of every role."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from random import Random
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from domain.accounts.users import Role
from domain.bookings.lifecycle import Status
from domain.venue.hours import Weekday
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.accounts.api_keys import ApiKey
from models.bookings.bookings import Booking
from models.customers.customers import Customer
from models.venue.hours import Blackout, HoursException, WeekdayHours
from models.venue.rooms import Room
from permissions.roles import FOR_KEYS, P
from resolvers.core.transactions import perform
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, api_id, make_venue

TEXTS: Final[Sequence[str]] = (
    "Plain",
    "",
    " ",
    'a "quoted" text',
    "back\\slash \\n \\u0041 \\",
    "lines\nand\r\ntabs\t.",
    "\x01\x1f\x7f\x80\x9f",
    "\b\f\v\x1b",
    "\u2028 and \u2029",
    "\ufeff\u202e\u200d\u00ad",
    "💥 👩‍🚀 \U0010ffff \ufffd\uffff",
    "e\u0301 é Ünïcödé ß \u0130 \u0131 \ufb01",
    "</script><!-- & --> '; DROP TABLE",
    "100%_/\\ $1 :name %(x)s {0}",
    "日本語 العربية עברית",
    "null",
    "x" * 300,
)
NAMES: Final[Sequence[str]] = tuple(text for text in TEXTS if text)
ZONES: Final = ("America/New_York", "Africa/Monrovia")
CURRENCIES: Final = ("USD", "JPY", "KWD", "EUR")
# The nights in which an hour repeats or is left out, and a time when Liberia's had 44:30 minutes.
DAYS: Final = (
    datetime(2027, 3, 2, 8, tzinfo=UTC),
    datetime(2027, 3, 14, 5, tzinfo=UTC),
    datetime(2027, 11, 7, 4, tzinfo=UTC),
    datetime(1971, 6, 1, 0, tzinfo=UTC),
    datetime(2099, 12, 31, 20, tzinfo=UTC),
)
MOMENTS: Final = (
    timedelta(),
    timedelta(milliseconds=1),
    timedelta(milliseconds=120),
    timedelta(milliseconds=999),
    timedelta(seconds=59, milliseconds=500),
)
AMOUNTS: Final = (None, 0, 1, 7, 100, 4_005, 2**53 + 1, 2**63 - 1)


@dataclass(frozen=True, slots=True)
class World:
    """The data set; ``ids`` are those that clients know, by type.

    ``foreign`` are those that callers of a tenant must never be shown.
    """

    venues: tuple[Venue, Venue]
    callers: tuple[Actor, ...]
    ids: dict[str, tuple[str, ...]]
    foreign: dict[UUID | None, frozenset[str]]

    def caller(self, random: Random) -> Actor:
        """Returns a random caller, usually one of the team."""
        return random.choice(self.callers[:4] if random.random() < 0.6 else self.callers)


async def make_world(runtime: Runtime) -> World:
    """Makes both venues, the second one smaller."""
    first = await make_venue(
        runtime, rooms=2, time_zone=ZONES[0], currency="USD", min_notice_minutes=0
    )
    second = await make_venue(runtime, rooms=1, time_zone=ZONES[1], currency="KWD", rate_minor=None)
    ours, theirs = await _rows(runtime, first, 44), await _rows(runtime, second, 10)
    ids: dict[str, tuple[str, ...]] = {}
    for row in (*ours, *theirs):
        name = type(row).__name__
        ids[name] = (*ids.get(name, ()), api_id(row))
    foreign = {
        first.tenant.id: frozenset(map(api_id, theirs)),
        second.tenant.id: frozenset(map(api_id, ours)),
        None: frozenset(map(api_id, (*ours, *theirs))),
    }
    callers = tuple(_callers(first, second, [*ours, *theirs]))
    return World((first, second), callers, ids, foreign)


async def _rows(runtime: Runtime, venue: Venue, bookings: int) -> list[Any]:
    people = [each.user for each in (venue.owner, venue.manager, venue.staff, venue.guest)]
    rows = [venue.tenant, *venue.rooms, venue.customer, venue.other_customer, *people]
    return [*await _fill(runtime, venue, bookings), *rows]


def _callers(first: Venue, second: Venue, rows: Sequence[Any]) -> Iterable[Actor]:
    """Yields every role, keys with few and many scopes, guests with a link, and strangers."""
    plan = first.tenant.plan_code
    people = (first.owner, first.admin, first.manager, first.staff, first.guest)
    yield from (replace(each.actor, plan=plan) for each in people)
    # A guest who is no customer yet, though they held something.
    yield replace(first.guest.actor, own_id=None, plan=plan)
    yield replace(second.owner.actor, plan=plan)
    yield replace(second.guest.actor, plan=plan)
    for scopes in (
        FOR_KEYS,
        {P.BOOKINGS_READ},
        {P.BOOKINGS_READ, P.CUSTOMERS_READ, P.ROOMS_READ},
        {P.ROOMS_READ, P.PRICES_READ, P.TENANT_READ},
        {P.CUSTOMERS_READ, P.CUSTOMERS_CONTACT, P.AUDIT_READ},
        set[P](),
    ):
        key = next(row for row in rows if isinstance(row, ApiKey))
        yield Actor(
            ActorKind.API_KEY,
            first.tenant.id,
            role=Role.OWNER.value,
            plan=plan,
            key_id=key.id,
            scopes=frozenset(scopes),
        )
    booking = next(row for row in rows if isinstance(row, Booking) and row.customer_id is None)
    for confined_to, role in ((booking.id, Role.CUSTOMER.value), (None, None)):
        yield Actor(
            ActorKind.CUSTOMER,
            first.tenant.id,
            role=role,
            scopes=frozenset({P.BOOKINGS_READ, P.BOOKINGS_WRITE}),
            confined_to=confined_to,
        )
    yield Actor(ActorKind.SYSTEM, first.tenant.id)
    yield ANONYMOUS


async def _fill(runtime: Runtime, venue: Venue, bookings: int) -> list[Any]:
    async def make(scope: Scope) -> list[Any]:
        await scope.lock()
        rooms = [scope.add(each) for each in _rooms(venue)]
        customers = [scope.add(each) for each in _customers(venue)]
        keys = [scope.add(each) for each in _keys(venue)]
        await scope.flush()
        made = [
            scope.add(each)
            for each in _bookings(venue, [*venue.rooms, *rooms], customers, bookings)
        ]
        blocked = [scope.add(each) for each in _times(venue, rooms)]
        return [*rooms, *customers, *keys, *made, *(b for b in blocked if isinstance(b, Blackout))]

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


def _rooms(venue: Venue) -> Iterable[Room]:
    for number, name in enumerate(NAMES):
        yield Room(
            tenant_id=venue.tenant.id,
            name=name,
            description=TEXTS[-number],
            category=None if number % 3 == 0 else TEXTS[number % 4],
            capacity=1 + number % 5,
            color=None if number % 2 else "#AbCdEf",
            buffer_before_minutes=number,
            hourly_rate_minor=AMOUNTS[number % len(AMOUNTS)],
            currency_code=CURRENCIES[number % len(CURRENCIES)],
            archived_at=MONDAY_MORNING + MOMENTS[number % 5] if number % 4 == 1 else None,
            created_at=MONDAY_MORNING + MOMENTS[number % 5],
        )


def _customers(venue: Venue) -> Iterable[Customer]:
    for number, name in enumerate(NAMES):
        email = f"c{number}@{venue.tenant.subdomain}.test" if number % 2 else None
        yield Customer(
            tenant_id=venue.tenant.id,
            name=name,
            email=email and email.title(),
            email_key=email,
            phone=None if number % 3 else f"+1 (212) {number:03}-0199",
            locale=None if number % 2 else "en-US",
            notes=TEXTS[-number] if number % 3 else None,
            created_at=MONDAY_MORNING + MOMENTS[number % 5],
        )


def _keys(venue: Venue) -> Iterable[ApiKey]:
    for number, name in enumerate(NAMES[:4]):
        yield ApiKey(
            tenant_id=venue.tenant.id,
            name=name,
            prefix=f"boom_{number}",
            token_hash=new_id().bytes,
            permissions=["bookings:read", "rooms:read"][: 1 + number],
            created_by_id=venue.owner.user.id,
            created_at=MONDAY_MORNING + MOMENTS[number],
            expires_at=None if number % 2 else MONDAY_MORNING + timedelta(days=number),
            revoked_at=MONDAY_MORNING if number == 3 else None,
        )


def _bookings(
    venue: Venue, rooms: Sequence[Room], customers: Sequence[Customer], count: int
) -> Iterable[Booking]:
    statuses, places, amounts = cycle(Status), cycle(rooms), cycle(AMOUNTS)
    for number in range(count):
        status, room = next(statuses), next(places)
        starts_at = DAYS[number % len(DAYS)] + timedelta(minutes=30 * number) + MOMENTS[number % 4]
        ends_at = starts_at + timedelta(minutes=45) + MOMENTS[number % 5]
        customer = (venue.customer, None, customers[number % len(customers)])[number % 3]
        currency_code, amount = CURRENCIES[number % len(CURRENCIES)], next(amounts)
        yield Booking(
            tenant_id=venue.tenant.id,
            reference=f"REF{number:05}",
            room_id=room.id,
            customer_id=customer.id if customer else None,
            held_by_id=venue.guest.user.id if customer is None else None,
            status=status.value,
            starts_at=starts_at,
            ends_at=ends_at,
            occupied=Range(starts_at, ends_at),
            # Half of the holds are past their time; one ends at this very moment.
            hold_expires_at=_hold_ends(number) if status is Status.HELD else None,
            party_size=1 + number,
            note=None if number % 4 == 0 else TEXTS[number % len(TEXTS)],
            price_lines=None if amount is None or number % 5 == 4 else _lines(starts_at, number),
            price_minor=amount,
            currency_code=currency_code,
            version=1 + number,
            created_at=MONDAY_MORNING - timedelta(hours=number % 7) + MOMENTS[number % 5],
            updated_at=MONDAY_MORNING + MOMENTS[number % 5],
        )


def _hold_ends(number: int) -> datetime:
    return MONDAY_MORNING + timedelta(seconds=(-60, 0, 300)[number // len(Status) % 3])


def _lines(starts_at: datetime, number: int) -> list[dict[str, Any]]:
    """Returns up to two lines, with times and without."""
    lines = [
        {
            "label": TEXTS[(number + n) % len(TEXTS)],
            "start": starts_at.isoformat() if n == 0 else None,
            "end": (starts_at + timedelta(minutes=30)).isoformat() if n == 0 else None,
            "minutes": 30 if n == 0 else None,
            "amount_minor": AMOUNTS[1 + (number + n) % (len(AMOUNTS) - 1)],
        }
        for n in range(3)
    ]
    return lines[: number % 3]


def _times(venue: Venue, rooms: Sequence[Room]) -> Iterable[Any]:
    for number, text in enumerate(TEXTS[:4]):
        starts_at = DAYS[number] + timedelta(days=3)
        yield Blackout(
            tenant_id=venue.tenant.id,
            room_id=rooms[number].id if number % 2 else None,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=5),
            reason=text,
            created_at=MONDAY_MORNING,
        )
    yield HoursException(
        tenant_id=venue.tenant.id, date=date(2027, 3, 9), minutes=[], reason=TEXTS[8]
    )
    yield WeekdayHours(
        tenant_id=venue.tenant.id,
        room_id=rooms[0].id,
        weekday=Weekday.MONDAY.value,
        minutes=[[0, 1800]],
    )
