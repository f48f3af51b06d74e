"""Sends webhooks: each endpoint in a lane of its own, so that a slow one delays no other.

A process holds the endpoints to which it sends, for a time that it renews with each batch. Of each
object only the first waiting delivery is sent, so that an endpoint gets them in order. If the
process dies, another one sends what it hadn't noted as sent: at least once.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final, cast

import orjson
import structlog

from domain.webhooks.deliveries import (
    EXCERPT,
    FAILING_FOR,
    GONE_STATUS,
    DisabledReason,
    is_success,
)
from domain.webhooks.events import payload
from domain.webhooks.signatures import signed_headers
from integrations.outbound.client import Outbound, OutboundError, OutboundSession
from jobs.webhook_holds import Attempt, WebhookHolds
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.errors import Unavailable
from kit.ids import new_id
from kit.postgres.database import Database
from kit.postgres.failures import is_away
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.encryption import Cipher
from models.webhooks.deliveries import Key
from models.webhooks.sending import DueDelivery, DueEndpoint
from permissions.policy import may
from permissions.roles import P
from resolvers.accounts.authentication import actor_of_creator
from resolvers.core.transactions import perform
from resolvers.webhooks.endpoints import disable_endpoint, secrets_of
from resolvers.webhooks.object_queries import DEFAULT_QUERY, ObjectQueries, reading
from schema.core.global_ids import encode_id

HOLD: Final = timedelta(seconds=30)
"""How long an endpoint is held: twice as long as an attempt takes at most."""
POLL_SECONDS: Final = 1.0
MAX_LANES: Final = 1_000
STOP_SECONDS: Final = 5.0
CONNECTIONS: Final = 2
"""How many connections it takes to hold endpoints and to store attempts."""
READS_AT_ONCE: Final = 4
"""How many lanes use the database at once: the others wait for their turn, not for a connection.

Without that, lanes failed because they got none in time.
"""

log = structlog.get_logger(__name__)


class WebhookSender:
    """Sends webhooks in one process.

    ``relay`` is the database with the relay's role: with CONNECTIONS of its own it waits for
    nobody else.
    """

    def __init__(self, relay: Database, runtime: Runtime, *, hold: timedelta = HOLD) -> None:
        self._holds = WebhookHolds(relay, clock=runtime.clock, hold=hold)
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._runtime = runtime
        self._hold = hold
        self._lanes: set[asyncio.Task[None]] = set()
        self._due: set[Key] = set()
        self._woken = asyncio.Event()
        self._is_ending = False

    def wake(self, endpoints: Collection[Key]) -> None:
        """Reports endpoints to which something is to be sent; others are found in a second."""
        self._due.update(endpoints)
        self._woken.set()

    async def run(self) -> None:
        """Sends until it is cancelled or the database fails; then lanes end what they began."""
        self._is_ending = False
        elapsed = asyncio.get_running_loop().time
        poll_at = elapsed()
        try:
            while True:
                self._woken.clear()
                due, self._due = self._due, set()
                if elapsed() >= poll_at:
                    await self._take(None)
                    poll_at = elapsed() + POLL_SECONDS
                elif due:
                    await self._take(due)
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(poll_at - elapsed(), 0)):
                        await self._woken.wait()
        finally:
            await self._stop()

    async def _take(self, keys: Collection[Key] | None) -> None:
        free = MAX_LANES - len(self._lanes)
        if free <= 0:
            return
        for key, due in (await self._holds.take(keys, limit=free)).items():
            lane = asyncio.create_task(self._send_all(key, due), name="webhooks")
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    async def _stop(self) -> None:
        self._is_ending = True
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=STOP_SECONDS)
        lanes = [*self._lanes]
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    # ------------------------------------------------------------------ one endpoint

    async def _send_all(self, key: Key, first: DueEndpoint) -> None:
        """Sends what is due to an endpoint. If it fails, another lane goes on after a while."""
        outbound = cast("Outbound", self._runtime.services[Outbound])
        due: DueEndpoint | None = first
        try:
            async with outbound.session() as connections:
                while due is not None:
                    attempts, reason = await self._send(connections, due)
                    is_last = self._is_ending or reason is not None
                    due = await self._holds.report(key, attempts, is_last=is_last)
            if reason is not None:
                await self._disable(key, reason)
        except Exception as error:
            is_passing = is_away(error) or isinstance(error, Unavailable)
            log.warning(
                "webhooks.interrupted",
                endpoint=str(key[1]),
                error=type(error).__name__,
                exc_info=not is_passing,
            )

    async def _send(
        self,
        connections: OutboundSession,
        endpoint: DueEndpoint,
    ) -> tuple[Sequence[Attempt], DisabledReason | None]:
        """Returns the attempts, and why the endpoint is to be disabled, if so."""
        # Half of the time that it is held is for waiting and reading, the other half for sending.
        begun_by = asyncio.get_running_loop().time() + self._hold.total_seconds() / 2
        due = endpoint.deliveries[:1] if endpoint.failing_since else endpoint.deliveries
        async with self._reads:
            owner = await self._owner(endpoint)
        if owner is None:
            return (), DisabledReason.OWNER_WITHOUT_ACCESS
        attempts = await asyncio.gather(
            *(self._attempt(connections, endpoint, owner, each, begun_by) for each in due)
        )
        if any(each.status == GONE_STATUS for each in attempts):
            return attempts, DisabledReason.GONE
        since = endpoint.failing_since
        is_failing = since is not None and self._runtime.clock() - since >= FAILING_FOR
        if is_failing and all(each.error for each in attempts):
            return attempts, DisabledReason.FAILING
        return attempts, None

    async def _attempt(
        self,
        connections: OutboundSession,
        endpoint: DueEndpoint,
        owner: Actor,
        delivery: DueDelivery,
        begun_by: float,
    ) -> Attempt:
        elapsed = asyncio.get_running_loop().time
        async with self._reads:
            body = await self._body(endpoint, owner, delivery)
        if elapsed() > begun_by:
            raise Unavailable("Another process may send this soon.")
        at, began, status, error = self._runtime.clock(), elapsed(), None, None
        cipher = cast("Cipher", self._runtime.services[Cipher])
        headers = {
            "content-type": "application/json",
            "user-agent": "Boom-Booking-Webhooks/1",
            **signed_headers(
                secrets_of(endpoint, cipher, now=at),
                id=encode_id("WebhookDelivery", delivery.id),
                at=at,
                body=body,
            ),
        }
        try:
            answer = await connections.post(endpoint.url, headers=headers, body=body)
            status = answer.status
            if not is_success(status):
                error = _excerpt(answer.body) or "There was no text in the answer."
        except OutboundError as failed:
            error = str(failed)
        return Attempt(delivery, at, elapsed() - began, status, error)

    async def _body(self, endpoint: DueEndpoint, owner: Actor, delivery: DueDelivery) -> bytes:
        queries = cast("ObjectQueries", self._runtime.services[ObjectQueries])
        kind, id = delivery.subject_type, delivery.subject_id
        shown = await queries.read(endpoint.query or DEFAULT_QUERY, reading(owner), kind, id)
        return orjson.dumps(
            payload(
                delivery.type,
                at=delivery.event_at,
                subject_type=kind,
                subject_id=encode_id(kind, id),
                shown=shown,
            )
        )

    async def _owner(self, endpoint: DueEndpoint) -> Actor | None:
        """Returns the endpoint's owner; None if they may no longer manage webhooks."""
        scope = Scope(self._runtime, ANONYMOUS, Request(new_id()))
        try:
            await scope.enter(endpoint.tenant_id)
            owner = await actor_of_creator(scope, endpoint.owner_id, endpoint.owner_key_id)
        finally:
            await scope.close()
        return owner if owner is not None and may(owner, P.WEBHOOKS_WRITE) else None

    async def _disable(self, key: Key, reason: DisabledReason) -> None:
        tenant_id, id = key
        system = Actor(ActorKind.SYSTEM, tenant_id)
        change = partial(disable_endpoint, id=id, reason=reason)
        await perform(self._runtime, system, Request(new_id()), change)
        log.info("webhooks.disabled", endpoint=str(id), reason=reason.value)


def _excerpt(body: bytes) -> str:
    text = body.decode(errors="replace")
    return "".join(each if each.isprintable() else " " for each in text[:EXCERPT]).strip()
