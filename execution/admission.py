"""Admits operations: charges the caller before any work, and parses new documents in turn."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from execution.caller_rate_limit import RateLimiter
from execution.document_cache import Document, Documents, ParsedOperation
from kit.actor import Actor
from kit.clock import Clock
from kit.errors import Throttled
from kit.fair_thread import FairThread, Full
from kit.graphql.compiler.plans import MadePlan, UnmadePlan
from kit.graphql.document_cost import ANONYMOUS_FACTOR, BYTES, Text
from kit.graphql.query_limits import ANONYMOUS_LIMITS, DEFAULTS
from kit.operation_context import Operation
from kit.security.network_addresses import network_of
from kit.security.token_bucket import Charge

T = TypeVar("T")

RETRY_SECONDS: Final = 1


class Admission:
    """Charges operations, and runs their parsing and compiling in a fair thread."""

    def __init__(self, documents: Documents, rate_limiter: RateLimiter, clock: Clock) -> None:
        self._documents = documents
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._gate = FairThread()
        self._reading: dict[tuple[str, bool], asyncio.Task[Document]] = {}

    def charge(self, operation: Operation, cost: int) -> None:
        """Charges the caller's buckets. Raises Throttled."""
        charge = operation.charge = self._rate_limiter.charge(
            operation.actor, operation.request.ip_address, cost, now=self._clock()
        )
        if not charge.allowed:
            raise _throttled(charge, cost)
        operation.paid += max(cost, 1)

    def charge_excess(self, operation: Operation, points: int) -> None:
        """Charges what an operation costs beyond its price, even into debt: it goes on."""
        operation.paid += points
        operation.charge = self._rate_limiter.take(*_caller(operation), points, now=self._clock())

    def known(
        self, text: str, operation_name: str | None, operation: Operation
    ) -> ParsedOperation | None:
        """Returns the named operation of a cached document. Raises RequestRejected."""
        document = self._documents.known(text, is_anonymous=operation.actor.kind is None)
        return document.operation(operation_name) if document is not None else None

    async def selected(
        self, text: str, operation_name: str | None, operation: Operation
    ) -> ParsedOperation:
        """Parses a document and returns its named operation. Raises RequestRejected, Throttled.

        The caller is charged before it is parsed. If several send the same document at once, only
        the first one is charged.
        """
        is_anonymous = operation.actor.kind is None
        # Checked first: even counting the tokens of a long text takes milliseconds.
        points = (1 + len(text) // BYTES) * (ANONYMOUS_FACTOR if is_anonymous else 1)
        self._check_points(operation, points)
        reading = self._reading.get((text, is_anonymous))
        if reading is None:
            self._check_capacity(operation)
            limits = ANONYMOUS_LIMITS if is_anonymous else DEFAULTS
            counted = Text.of(text, max_tokens=limits.tokens)
            self.charge(operation, counted.points(is_anonymous=is_anonymous))
            reading = asyncio.create_task(
                self._read(text, operation_name, operation, is_anonymous=is_anonymous)
            )
            self._reading[text, is_anonymous] = reading
            reading.add_done_callback(lambda _: self._reading.pop((text, is_anonymous)))
            reading.add_done_callback(_retrieved)
        document = await asyncio.shield(reading)
        return document.operation(operation_name)

    async def made(
        self, unmade: UnmadePlan, selected: ParsedOperation, operation: Operation
    ) -> MadePlan:
        """Compiles the plan of an operation. Raises Throttled."""
        self._check_capacity(operation)
        self.charge(operation, selected.plan_points())
        return await self.beside(unmade.make, operation)

    async def beside(self, work: Callable[[], T], operation: Operation) -> T:
        """Runs slow work in the fair thread. Raises Throttled."""
        try:
            return await self._gate.run(_who(operation), work)
        except Full as error:
            raise _too_many() from error

    async def _read(
        self, text: str, operation_name: str | None, operation: Operation, *, is_anonymous: bool
    ) -> Document:
        document = await self.beside(
            lambda: self._documents.read(
                text, is_anonymous=is_anonymous, operation_name=operation_name
            ),
            operation,
        )
        self._documents.keep(text, document)
        return document

    def _check_points(self, operation: Operation, cost: int) -> None:
        charge = self._rate_limiter.look(*_caller(operation), cost, now=self._clock())
        if not charge.allowed:
            operation.charge = charge
            raise _throttled(charge, cost)

    def _check_capacity(self, operation: Operation) -> None:
        if self._gate.is_full(_who(operation)):
            raise _too_many()


def _caller(operation: Operation) -> tuple[Actor, str | None]:
    return operation.actor, operation.request.ip_address


def _throttled(charge: Charge, cost: int) -> Throttled:
    return Throttled(
        f"Too many requests: this costs {max(cost, 1)} points and "
        f"{charge.currently_available} are left; {charge.restore_rate} are restored a second.",
        retry_after_seconds=charge.retry_after_seconds,
    )


def _who(operation: Operation) -> str:
    return network_of(operation.request.ip_address)


def _too_many() -> Throttled:
    return Throttled(
        "Too many new operations at once; try again in a moment.",
        retry_after_seconds=RETRY_SECONDS,
    )


def _retrieved(reading: "asyncio.Task[Document]") -> None:
    if not reading.cancelled():
        # All callers may have been cancelled.
        reading.exception()
