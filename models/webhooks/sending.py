"""Sending webhooks: statements for many endpoints at once, which a process holds meanwhile.

All lock endpoints in the order of their keys, as those who store deliveries do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Boolean, Integer, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from kit.postgres.statements import PreparedStatement
from models.core.base import INSTANT
from models.webhooks.deliveries import Key


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that is to be sent now."""

    id: UUID
    type: str
    event_at: datetime
    subject_type: str
    subject_id: UUID
    attempt_count: int
    attempts: Sequence[Any]


@dataclass(frozen=True, slots=True)
class DueEndpoint:
    """An endpoint that this process holds, and what is to be sent to it now, in order."""

    tenant_id: UUID
    id: UUID
    url: str
    query: str | None
    secret: str
    old_secret: str | None
    old_secret_until: datetime | None
    owner_id: UUID | None
    owner_key_id: UUID | None
    failing_since: datetime | None
    deliveries: Sequence[DueDelivery]


_ENDPOINT_COLUMNS: Final = len(DueEndpoint.__match_args__) - 1

_TYPES: Final[Mapping[str, TypeEngine[Any]]] = {
    "tenant_ids": ARRAY(Uuid()),
    "ids": ARRAY(Uuid()),
    "holder": Uuid(),
    "now": INSTANT,
    "until": INSTANT,
    "most": Integer(),
    "answered": ARRAY(Boolean()),
    "statuses": ARRAY(Text()),
    "counts": ARRAY(Integer()),
    "attempts": ARRAY(Text()),
    "next_at": ARRAY(INSTANT),
    "delivered_at": ARRAY(INSTANT),
}
_KEYS: Final = ("tenant_ids", "ids")
_GIVEN: Final = "SELECT * FROM unnest(:tenant_ids, :ids) AS given (tenant_id, id)"
_IS_OPEN: Final = "endpoint.deleted_at IS NULL AND endpoint.disabled_at IS NULL"
# Of each object only the first delivery that waits.
_FIRST_ONES: Final = """
    webhook_deliveries AS delivery
    WHERE delivery.tenant_id = endpoint.tenant_id AND delivery.endpoint_id = endpoint.id
        AND delivery.status = 'WAITING'
        AND NOT EXISTS (
            SELECT FROM webhook_deliveries AS earlier
            WHERE earlier.tenant_id = delivery.tenant_id
                AND earlier.endpoint_id = delivery.endpoint_id
                AND earlier.subject_id = delivery.subject_id
                AND earlier.status = 'WAITING' AND earlier.sequence < delivery.sequence
        )
"""


def _prepared(sql: str, *names: str) -> PreparedStatement:
    binds = [bindparam(name, type_=_TYPES[name]) for name in names]
    return PreparedStatement(text(sql).bindparams(*binds))


def _held(endpoints: str, *names: str) -> PreparedStatement:
    held = f"""
        WITH due AS MATERIALIZED (
            SELECT endpoint.tenant_id, endpoint.id
            FROM {endpoints}
            WHERE endpoint.due_at <= :now AND {_IS_OPEN}
                AND (endpoint.held_until IS NULL OR endpoint.held_until < :now)
            ORDER BY endpoint.due_at LIMIT :most
            FOR NO KEY UPDATE OF endpoint SKIP LOCKED
        )
        UPDATE webhook_endpoints AS endpoint SET held_by = :holder, held_until = :until
        FROM due WHERE (endpoint.tenant_id, endpoint.id) = (due.tenant_id, due.id)
        RETURNING endpoint.tenant_id, endpoint.id
    """  # noqa: S608 - our own text
    return _prepared(held, *names, "holder", "now", "until", "most")


HOLD_DUE: Final = _held("webhook_endpoints AS endpoint")
"""Holds endpoints to which something is to be sent, and that no process holds; returns keys."""

HOLD_DUE_OF: Final = _held(
    f"({_GIVEN}) AS given JOIN webhook_endpoints AS endpoint USING (tenant_id, id)", *_KEYS
)
"""Does the same with some endpoints only."""

RENEW: Final = _prepared(
    f"""
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(:tenant_ids, :ids, :answered) AS given (tenant_id, id, answered)
    ),
    locked AS MATERIALIZED (
        SELECT endpoint.tenant_id, endpoint.id, given.answered
        FROM given JOIN webhook_endpoints AS endpoint USING (tenant_id, id)
        ORDER BY endpoint.tenant_id, endpoint.id
        FOR NO KEY UPDATE OF endpoint
    )
    UPDATE webhook_endpoints AS endpoint SET
        held_until = :until,
        failing_since = CASE
            WHEN locked.answered THEN NULL
            WHEN NOT locked.answered THEN coalesce(endpoint.failing_since, :now)
            ELSE endpoint.failing_since
        END
    FROM locked WHERE (endpoint.tenant_id, endpoint.id) = (locked.tenant_id, locked.id)
        AND endpoint.held_by = :holder AND {_IS_OPEN}
    """,  # noqa: S608 - our own text
    *(*_KEYS, "answered", "holder", "now", "until"),
)
"""Goes on holding endpoints that are enabled, and that no other process has taken.

``answered`` is whether each has just accepted anything; None if nothing was sent. Whoever stores
deliveries changes their endpoint last, so that from here on ``DUE`` finds them all.
"""

DUE: Final = _prepared(
    f"""
    SELECT endpoint.tenant_id, endpoint.id AS endpoint_id, endpoint.url, endpoint.query,
        endpoint.secret, endpoint.old_secret, endpoint.old_secret_until, endpoint.owner_id,
        endpoint.owner_key_id, endpoint.failing_since, due.*
    FROM ({_GIVEN}) AS given
    JOIN webhook_endpoints AS endpoint USING (tenant_id, id)
    CROSS JOIN LATERAL (
        SELECT delivery.id, delivery.type, delivery.event_at, delivery.subject_type,
            delivery.subject_id, delivery.attempt_count,
            CAST(delivery.attempts AS text) AS attempts, delivery.sequence
        FROM {_FIRST_ONES} AND delivery.next_attempt_at <= :now
        ORDER BY delivery.sequence LIMIT :most
    ) AS due
    WHERE endpoint.held_by = :holder AND {_IS_OPEN}
    ORDER BY endpoint.tenant_id, endpoint.id, due.sequence
    """,  # noqa: S608 - our own text
    *(*_KEYS, "holder", "now", "most"),
)
"""Selects what is to be sent now to endpoints that the process holds; ``due_in`` reads the rows."""

LET_GO: Final = _prepared(
    f"""
    UPDATE webhook_endpoints AS endpoint SET held_by = NULL, held_until = NULL,
        due_at = (SELECT min(delivery.next_attempt_at) FROM {_FIRST_ONES})
    FROM ({_GIVEN}) AS given
    WHERE (endpoint.tenant_id, endpoint.id) = (given.tenant_id, given.id)
        AND endpoint.held_by = :holder
    """,  # noqa: S608 - our own text
    *(*_KEYS, "holder"),
)
"""Lets go of endpoints that this transaction has locked, until their next delivery is due."""

NOTE_ATTEMPTS: Final = _prepared(
    """
    UPDATE webhook_deliveries AS delivery SET
        status = given.status,
        attempt_count = given.attempt_count,
        attempts = CAST(given.attempts AS jsonb),
        next_attempt_at = given.next_at,
        delivered_at = coalesce(given.delivered_at, delivery.delivered_at)
    FROM unnest(:tenant_ids, :ids, :statuses, :counts, :attempts, :next_at, :delivered_at)
        AS given (tenant_id, id, status, attempt_count, attempts, next_at, delivered_at)
    WHERE (delivery.tenant_id, delivery.id) = (given.tenant_id, given.id)
    """,
    *(*_KEYS, "statuses", "counts", "attempts", "next_at", "delivered_at"),
)
"""Stores the outcomes of attempts."""


def keys(endpoints: Iterable[Key]) -> dict[str, Sequence[UUID]]:
    """Returns the values that name endpoints or deliveries in a statement."""
    listed = list(endpoints)
    return {"tenant_ids": [each[0] for each in listed], "ids": [each[1] for each in listed]}


def due_in(rows: Iterable[Any]) -> Mapping[Key, DueEndpoint]:
    """Returns what rows of ``DUE`` say, by endpoint."""
    found: dict[Key, DueEndpoint] = {}
    for key, of_endpoint in groupby(rows, key=lambda row: (row["tenant_id"], row["endpoint_id"])):
        listed = [*of_endpoint]
        deliveries = [
            DueDelivery(*[*row[_ENDPOINT_COLUMNS:-2], orjson.loads(row["attempts"])])
            for row in listed
        ]
        found[key] = DueEndpoint(*[*listed[0][:_ENDPOINT_COLUMNS], deliveries])
    return found
