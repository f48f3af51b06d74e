"""The venues in which bookings are made in any order, and what is read of them."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import asyncpg

from domain.payments.cancellation import CancellationStep
from domain.tenants.payment_policy import PaymentPolicy
from integrations.payments.local import LocalGateway
from integrations.payments.protocol import Gateway
from kit.runtime import Runtime
from tests.support.clock import StoppedClock
from tests.support.factories import Venue

T = TypeVar("T")

STATE: Final = """
    SELECT b.status, b.version, b.starts_at, b.approval_expires_at,
           coalesce(b.price_minor, 0) AS price,
           l.received, l.held, l.due, l.balance, p.gateway_id AS last_payment,
           EXISTS (
               SELECT FROM payments
               WHERE tenant_id = b.tenant_id AND booking_id = b.id AND status NOT IN
                   ('succeeded', 'failed', 'cancelled', 'mismatched')
           ) OR EXISTS (
               SELECT FROM refunds
               WHERE tenant_id = b.tenant_id AND booking_id = b.id AND status = 'pending'
           ) AS is_due
    FROM bookings b
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_minor), 0)::bigint AS balance,
               coalesce(sum(amount_minor) FILTER (WHERE account = 'received'), 0)::bigint
                   AS received,
               coalesce(sum(amount_minor) FILTER (WHERE account = 'receivable'), 0)::bigint
                   AS due,
               coalesce(sum(amount_minor) FILTER (
                   WHERE account IN ('received', 'refunds_due', 'refunded')), 0)::bigint AS held
        FROM ledger_entries WHERE tenant_id = b.tenant_id AND booking_id = b.id
    ) l
    LEFT JOIN LATERAL (
        SELECT gateway_id FROM payments
        WHERE tenant_id = b.tenant_id AND booking_id = b.id AND gateway_id IS NOT NULL
        ORDER BY id DESC LIMIT 1
    ) p ON true
    WHERE b.id = $1
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A venue with the terms that its customers agree to."""

    venue: Venue
    policy: PaymentPolicy
    steps: tuple[CancellationStep, ...]


@dataclass(slots=True)
class World:
    """The state that all sequences share: runtime, clock, venues and event loop.

    ``made`` makes the venues anew.
    """

    runtime: Runtime
    clock: StoppedClock
    sites: list[Site]
    made: Callable[[], Coroutine[Any, Any, list[Site]]]
    reader: asyncpg.Connection
    loop: asyncio.AbstractEventLoop
    done: int = 0
    seen: set[str] = field(default_factory=set)

    @property
    def gateway(self) -> LocalGateway:
        return cast("LocalGateway", self.runtime.services[Gateway])

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)
