"""Runs changes: the transaction, retries, and idempotency keys."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlmodel import col

from domain.core.refusals import IdempotencyInProgress, IdempotencyKeyReused, Invalid
from kit.actor import Actor, Request
from kit.errors import Forbidden, Unavailable
from kit.postgres.advisory_locks import advisory_key
from kit.postgres.failures import (
    DATABASE_ERRORS,
    DEADLOCK,
    EXCLUSION_VIOLATION,
    FOREIGN_KEY_VIOLATION,
    LOCK_NOT_AVAILABLE,
    SERIALIZATION_FAILURE,
    constraint_name,
    is_away,
    sqlstate,
)
from kit.runtime import Runtime
from kit.scope import Scope, Showing
from models import TABLES
from models.core.idempotency import IdempotentResult

R = TypeVar("R")

RETRIES: Final = 3
KEY_WAIT_SECONDS: Final = 3
KEPT_FOR: Final = timedelta(hours=24)
MAX_KEY_LENGTH: Final = 255
# An overlap that the locks should have prevented is retried, and then refused with a reason.
_TRY_AGAIN: Final = frozenset(
    {SERIALIZATION_FAILURE, DEADLOCK, LOCK_NOT_AVAILABLE, EXCLUSION_VIOLATION}
)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's idempotency key; ``given`` are all arguments of the call."""

    text: str
    mutation: str
    given: object

    @property
    def input_hash(self) -> bytes:
        return sha256(orjson.dumps(self.given, default=str, option=orjson.OPT_SORT_KEYS)).digest()


@dataclass(frozen=True, slots=True)
class MutationResult(Generic[R]):
    """The result of a change, and whether it is the stored result of an earlier call.

    ``shown`` is what the caller wants to see of it, if the change has read that already. ``events``
    is how many it has logged. ``uncommitted`` is the scope of a dry run, which sees what was
    changed until it is closed.
    """

    result: R
    replayed: bool = False
    shown: str | None = None
    events: int = 0
    uncommitted: Scope | None = None


class OtherLocksNeeded(Exception):
    """Raised where what has been read under the locks shows that they aren't the right ones."""


class _Replay(Exception):
    def __init__(self, kept: IdempotentResult) -> None:
        self.kept = kept


async def perform(
    runtime: Runtime,
    actor: Actor,
    request: Request,
    change: Callable[[Scope], Awaitable[R]],
    *,
    key: IdempotencyKey | None = None,
    at_once: bool = False,
    showing: Showing | None = None,
    dry_run: bool = False,
) -> MutationResult[R]:
    """Runs a change in one transaction, and stores its events and idempotent result.

    ``at_once`` lets it commit itself in a single statement, as its last step, which may read what
    ``showing`` does of its row. A ``dry_run`` commits nothing, its result under the key neither;
    its caller closes the scope that it returns. Raises the change's refusals, in which case nothing
    is stored, Unavailable if the database is unavailable or too busy, and Forbidden for a key of an
    actor that is neither a user nor an API key.
    """
    if key is not None and not 1 <= len(key.text) <= MAX_KEY_LENGTH:
        raise Invalid(
            f"An idempotency key must have 1 to {MAX_KEY_LENGTH} characters.",
            path=("idempotency_key",),
        )
    attempt = partial(
        _attempt,
        runtime,
        actor,
        request,
        change,
        key,
        at_once=at_once,
        showing=showing,
        dry_run=dry_run,
    )
    if key is None:
        return await _retried(attempt)
    async with AsyncExitStack() as held:
        await _wait_for_key(held, runtime, actor, key)
        return await _retried(attempt)


async def _retried(attempt: Callable[[], Awaitable[MutationResult[R]]]) -> MutationResult[R]:
    for number in range(RETRIES + 1):
        try:
            return await attempt()
        except (*DATABASE_ERRORS, OtherLocksNeeded) as error:
            if _is_tried_again(error):
                if number == RETRIES:
                    raise Unavailable("Too many changes at once; try again.") from error
                pause = random.uniform(0.01, 0.05)  # noqa: S311 - jitter
                await asyncio.sleep(pause * 2**number)
            elif is_away(error):
                raise Unavailable("The service is unavailable; try again in a moment.") from error
            else:
                raise
    raise AssertionError("unreachable")


def _is_tried_again(error: BaseException) -> bool:
    if isinstance(error, OtherLocksNeeded):
        return True
    state = sqlstate(error)
    if state == FOREIGN_KEY_VIOLATION:
        # The customer was merged into another one after the caller had found them.
        return (constraint_name(error) or "").endswith("_customer_id")
    return state in _TRY_AGAIN


async def _attempt(
    runtime: Runtime,
    actor: Actor,
    request: Request,
    change: Callable[[Scope], Awaitable[R]],
    key: IdempotencyKey | None,
    *,
    at_once: bool,
    showing: Showing | None,
    dry_run: bool,
) -> MutationResult[R]:
    scope = Scope(runtime, actor, request, writes=True)
    if key is not None:
        scope.before_locks = lambda: _check_key(scope, key)
    try:
        if dry_run:
            async with scope.dry_run():
                result = await change(scope)
            return MutationResult(result, events=scope.event_count, uncommitted=scope)
        scope.may_write_at_once, scope.showing = at_once, showing
        async with scope.transaction():
            if key is None:
                result = await change(scope)
                return MutationResult(result, events=scope.event_count, shown=scope.shown)
            scope.idempotency_key = key
            result = await change(scope)
            if not scope.is_stored:
                assert scope.locked, f"{key.mutation} takes no lock, so its key would guard nothing"
                scope.add(_kept(scope, key, result))
            return MutationResult(result, events=scope.event_count, shown=scope.shown)
    except _Replay as replay:
        reading = Scope(runtime, actor, request)
        try:
            return MutationResult(await _replayed(reading, replay.kept), replayed=True)
        finally:
            await reading.close()


# ------------------------------------------------------------------------------ idempotency


async def _wait_for_key(
    held: AsyncExitStack, runtime: Runtime, actor: Actor, key: IdempotencyKey
) -> None:
    # Waits here and not in PostgreSQL, so that ten calls with one key use one connection.
    lock = runtime.locks.all_of([_lock_of(actor, key)])
    try:
        async with asyncio.timeout(KEY_WAIT_SECONDS):
            await held.enter_async_context(lock)
    except TimeoutError as error:
        raise IdempotencyInProgress(path=("idempotency_key",)) from error


async def _check_key(scope: Scope, key: IdempotencyKey) -> None:
    try:
        await scope.advisory_lock(_lock_of(scope.actor, key))
    except DATABASE_ERRORS as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise IdempotencyInProgress(path=("idempotency_key",)) from error
        raise
    kept = await scope.one(
        select(IdempotentResult).where(
            col(IdempotentResult.tenant_id) == scope.tenant_id,
            col(IdempotentResult.actor_id) == _owner_id(scope.actor),
            col(IdempotentResult.mutation) == key.mutation,
            col(IdempotentResult.key) == key.text,
        )
    )
    if kept is None:
        return
    if scope.now() - kept.created_at >= KEPT_FOR:
        await scope.remove(kept)
        await scope.flush()
        return
    if kept.input_hash != key.input_hash:
        raise IdempotencyKeyReused(path=("idempotency_key",))
    raise _Replay(kept)


def key_values(scope: Scope, result: Any) -> dict[str, object]:
    """The parameters by which a statement checks a scope's key, and keeps the result under it.

    All are None for a scope without a key.
    """
    key: IdempotencyKey | None = scope.idempotency_key
    if key is None:
        return dict.fromkeys(("key_lock", "mutation", "key", "input_hash", "kept_rows"))
    return {
        "key_lock": _lock_of(scope.actor, key),
        "mutation": key.mutation,
        "key": key.text,
        "input_hash": key.input_hash,
        "kept_rows": _named(result),
    }


def _named(result: Any) -> list[Any]:
    if isinstance(result, list):
        return [[row.__tablename__, str(row.id)] for row in result]
    return [result.__tablename__, str(result.id)]


def _lock_of(actor: Actor, key: IdempotencyKey) -> int:
    return advisory_key("key", actor.tenant_id, _owner_id(actor), key.mutation, key.text)


def _owner_id(actor: Actor) -> UUID:
    """Returns the user or API key whose keys these are. Raises Forbidden for all others."""
    if actor.id is None:
        raise Forbidden("Only users and API keys can use idempotency keys; leave the key out.")
    return actor.id


def _kept(scope: Scope, key: IdempotencyKey, result: Any) -> IdempotentResult:
    return IdempotentResult(
        tenant_id=scope.tenant_id,
        actor_id=_owner_id(scope.actor),
        mutation=key.mutation,
        key=key.text,
        input_hash=key.input_hash,
        rows=_named(result),
        created_at=scope.now(),
    )


async def _replayed(scope: Scope, kept: IdempotentResult) -> Any:
    if kept.rows and isinstance(kept.rows[0], str):
        return await _row(scope, *kept.rows)
    return [await _row(scope, *named) for named in kept.rows]


async def _row(scope: Scope, table: str, id: str) -> Any:
    model = TABLES[table]
    return await scope.one(select(model).where(model.tenant_id == scope.tenant_id, model.id == id))
