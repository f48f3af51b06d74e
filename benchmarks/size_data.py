"""Data of very unequal venues: one with 500,000 bookings, among others with 1,000 each.

They are loaded by COPY and by ``generate_series``, without triggers: foreign keys are unchecked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg

from benchmarks.database import add_tenant
from domain.core.phones import phone_digits
from domain.core.text import search_form, sort_key
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.security.tokens import Tokens

# One in fifty is yet to come.
AHEAD: Final = 50
HOUR: Final = timedelta(hours=1)
_FIRST: Final = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Elena",
    "Felix",
    "Greta",
    "Hugo",
    "Ida",
    "Jonas",
    "Klara",
    "Leon",
    "Mia",
    "Noah",
    "Olga",
    "Paul",
    "Quentin",
    "Rosa",
    "Simon",
    "Tara",
    "Uwe",
    "Vera",
    "Willem",
    "Xenia",
    "Yusuf",
    "Zoë",
    "Amélie",
    "Björn",
    "Chloé",
    "Dóra",
    "Émile",
    "Fatou",
    "Gülay",
    "Håkon",
    "Inés",
    "Jürgen",
    "Kateřina",
    "Łukasz",
    "Maël",
    "Nuño",
]
_SYLLABLES: Final = [
    "ba",
    "den",
    "fort",
    "gar",
    "hol",
    "jans",
    "kel",
    "lund",
    "mor",
    "nor",
    "pet",
    "quist",
    "rund",
    "sten",
    "tor",
    "vik",
    "wald",
    "berg",
    "dal",
    "er",
    "field",
    "grove",
    "ham",
    "ley",
]
_DOMAINS: Final = ("mail.test", "mail.test", "post.test", "inbox.test", "acme.test")


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue of the benchmark, and its owner's session."""

    tenant_id: UUID
    user_id: UUID
    session_id: UUID
    bookings: int
    now: datetime

    def token(self, secret: bytes) -> str:
        """Returns an access token, which is good for 15 minutes."""
        token, _ = Tokens(secret).sign(
            tenant_id=self.tenant_id,
            user_id=self.user_id,
            session_id=self.session_id,
            now=datetime.now(UTC),
        )
        return token


async def load(urls: DatabaseUrls, *, bookings: int, others: int) -> list[Venue]:
    """Fills an empty, migrated database; returns the large venue and one of the ``others``."""
    connection = await asyncpg.connect(urls.owner)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        await connection.execute("SET session_replication_role = replica")
        large = await _load_venue(connection, 0, bookings, now, rooms=200)
        small = [
            await _load_venue(connection, number, 1_000, now, rooms=5)
            for number in range(1, others + 1)
        ]
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return [large, small[0]]


async def _load_venue(
    connection: Any, number: int, bookings: int, now: datetime, *, rooms: int
) -> Venue:
    tenant, user, session = await add_tenant(connection, "size", number, now)
    room_ids = [new_id() for _ in range(rooms)]
    await connection.copy_records_to_table(
        "rooms",
        columns=[
            *("tenant_id", "id", "name", "name_key", "search", "capacity"),
            *("buffer_before_minutes", "buffer_after_minutes", "hourly_rate_minor"),
            *("currency_code", "version", "created_at"),
        ],
        records=[
            (
                *(tenant, id, name := f"Room {n:03}", sort_key(name), search_form(name)),
                *(4, 0, 0, 4000, "USD", 1, now),
            )
            for n, id in enumerate(room_ids)
        ],
    )
    customers = list(_customers(tenant, number, bookings // 5, now))
    await connection.copy_records_to_table(
        "customers",
        columns=[
            *("tenant_id", "id", "name", "name_key", "name_search", "email", "email_key"),
            *("phone", "phone_search", "version", "created_at"),
        ],
        records=customers,
    )
    customer_ids = [customer[1] for customer in customers]
    await connection.execute(
        _BOOKINGS, tenant, room_ids, customer_ids, bookings // rooms, now, user
    )
    await connection.execute(_OCCUPANCY, tenant)
    return Venue(tenant, user, session, bookings, now)


def _customers(tenant: UUID, number: int, size: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    """Yields customers, the same at each run but for their ids."""
    random = Random(number)
    for n in range(size):
        # Squared: some first names are far more frequent than others.
        first = _FIRST[int(len(_FIRST) * random.random() ** 2)]
        last = "".join(random.choices(_SYLLABLES, k=2)).capitalize()
        name, domain = f"{first} {last}", random.choice(_DOMAINS)
        key, form = _forms(name)
        email = f"{form.replace(' ', '.')}{n}@{domain}"
        phone = f"+1 212 {random.randrange(200, 999)} {random.randrange(10_000):04}"
        yield (
            *(tenant, new_id(), name, key, form, email, email),
            *(phone, phone_digits(phone), 1, now),
        )


@cache
def _forms(name: str) -> tuple[str, str]:
    return sort_key(name), search_form(name)


# An hour each, one after the other in each room; each with its entry in the log.
_BOOKINGS: Final = f"""
    WITH made AS (
        INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
            ends_at, occupied, party_size, price_minor, currency_code, version, link_version,
            created_at, updated_at)
        SELECT $1, gen_random_uuid(), letters[1] || '-' || letters[2], room_id,
            ($3::uuid[])[1 + floor(random() * cardinality($3::uuid[]))::int],
            CASE WHEN starts_at < $5 THEN 'completed' ELSE 'confirmed' END, starts_at,
            starts_at + interval '1 hour', tstzrange(starts_at, starts_at + interval '1 hour'), 2,
            4000, 'USD', 1, 1, starts_at - interval '30 days', starts_at - interval '30 days'
        FROM generate_series(1, $4::int) AS number
        CROSS JOIN unnest($2::uuid[]) AS room_id
        CROSS JOIN LATERAL (
            SELECT $5::timestamptz + (number - $4 + $4 / {AHEAD}) * interval '1 hour' AS starts_at
        ) AS hour
        CROSS JOIN LATERAL (
            SELECT array_agg(half) AS letters FROM (
                SELECT string_agg(
                    substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + floor(random() * 32)::int, 1), ''
                ) AS half
                FROM generate_series(1, 8) AS letter
                -- Of each booking anew.
                WHERE number > 0 AND room_id IS NOT NULL
                GROUP BY letter % 2
            ) AS halves
        ) AS reference
        ON CONFLICT DO NOTHING
        RETURNING tenant_id, id, room_id, starts_at, created_at
    )
    INSERT INTO log (tenant_id, type, at, actor_kind, actor_id, request_id, subject_type,
        subject_id, after)
    SELECT tenant_id,
        CASE WHEN random() < 0.001 THEN 'BOOKING_NO_SHOW' ELSE 'BOOKING_CREATED' END,
        created_at, 'USER', $6, gen_random_uuid(), 'Booking', id,
        jsonb_build_object('room_id', room_id, 'starts_at', starts_at, 'status', 'confirmed')
    FROM made ORDER BY created_at
"""

# What the trigger would have done.
_OCCUPANCY: Final = """
    INSERT INTO occupancy (tenant_id, space_id, booking_id, occupied, occupant_id)
    SELECT tenant_id, room_id, id, occupied, id FROM bookings
    WHERE tenant_id = $1 AND status = 'confirmed'
"""
