"""DataLoaders, derived from the models' relations: one statement for many rows.

Every loader lives as long as its scope, so it never serves stale rows.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from sqlalchemy import inspect, select
from sqlalchemy.orm import InstrumentedAttribute, RelationshipProperty
from strawberry.dataloader import DataLoader

from kit.postgres.keyset_pagination import (
    Listing,
    Page,
    Window,
    counted_by_parent,
    page_of,
    windowed_by_parent,
)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Reader(Protocol):
    """What loaders need of a scope."""

    @property
    def tenant_id(self) -> UUID: ...

    async def all(self, statement: Any) -> list[Any]: ...

    async def rows(self, statement: Any) -> Sequence[Any]: ...


class Loaders:
    """The loaders of one scope, each created on first use."""

    def __init__(self, scope: Reader) -> None:
        self._scope = scope
        self._made: dict[Hashable, DataLoader[Any, Any]] = {}

    def batch(
        self, name: Hashable, load: Callable[[list[K]], Awaitable[Sequence[V]]], key: K
    ) -> Awaitable[V]:
        """Returns the value of ``key``, loaded together with all keys of the same ``name``."""
        loader = self._made.get(name)
        if loader is None:
            loader = self._made[name] = DataLoader(load_fn=load)
        return _loading(loader, key)

    def related(self, row: object, relation: str) -> Awaitable[Any]:
        """Loads ``row.relation``, with one statement for all rows that are loaded together.

        To-one gives the row or None, to-many a list in the order of ids.
        """
        found = link(cast("Hashable", type(row)), relation)
        key = getattr(row, found.local)
        if key is None:
            return _nothing()
        loader = self._made.get(found)
        if loader is not None:
            return _loading(loader, key)
        load = (self._to_many if found.is_list else self._to_one)(found.target, found.remote)
        return self.batch(found, load, key)

    def page(
        self,
        parent: InstrumentedAttribute[Any],
        key: Any,
        listing: Listing[V],
        window: Window,
        *,
        name: Hashable,
    ) -> Awaitable[Page[V]]:
        """Loads a page of the rows whose ``parent`` column is ``key``, of all parents together.

        ``name`` distinguishes lists with different arguments.
        """

        async def load(keys: list[Any]) -> list[Page[V]]:
            found = defaultdict(list)
            statement = windowed_by_parent(listing, window, parent, keys)
            for owner, row in await self._scope.rows(statement):
                found[owner].append(row)
            return [page_of(listing, window, found[owner]) for owner in keys]

        return self.batch(("page", str(parent), name, window), load, key)

    def count(
        self,
        parent: InstrumentedAttribute[Any],
        key: Any,
        listing: Listing[Any],
        *,
        exact: bool,
        name: Hashable,
    ) -> Awaitable[int]:
        """Counts the rows whose ``parent`` column is ``key``, of all parents together."""

        async def load(keys: list[Any]) -> list[int]:
            statement = counted_by_parent(listing, parent, keys, exact=exact)
            found = {row[0]: row[1] for row in await self._scope.rows(statement)}
            return [found.get(owner, 0) for owner in keys]

        return self.batch(("count", str(parent), name, exact), load, key)

    def _to_one(self, target: Any, remote: str) -> Callable[[list[Any]], Awaitable[list[Any]]]:
        async def load(keys: list[Any]) -> list[Any]:
            rows = await self._scope.all(self._having(target, remote, keys))
            found = {getattr(row, remote): row for row in rows}
            return [found.get(key) for key in keys]

        return load

    def _to_many(self, target: Any, remote: str) -> Callable[[list[Any]], Awaitable[list[Any]]]:
        async def load(keys: list[Any]) -> list[Any]:
            found = defaultdict(list)
            for row in await self._scope.all(
                self._having(target, remote, keys).order_by(target.id)
            ):
                found[getattr(row, remote)].append(row)
            return [found[key] for key in keys]

        return load

    def _having(self, target: Any, remote: str, keys: list[Any]) -> Any:
        statement = select(target).where(getattr(target, remote).in_(keys))
        if hasattr(target, "tenant_id"):
            statement = statement.where(target.tenant_id == self._scope.tenant_id)
        return statement


async def _nothing() -> None:
    return None


def _loading(loader: DataLoader[K, V], key: K) -> Awaitable[V]:
    """Loads a value, whose failure may go unawaited: another field may fail its object first."""
    loading: asyncio.Future[V] = loader.load(key)  # type: ignore[assignment]
    loading.add_done_callback(_retrieve)
    return loading


def _retrieve(loading: "asyncio.Future[Any]") -> None:
    """Retrieves a failure, which asyncio would otherwise log when the future is collected."""
    if not loading.cancelled():
        loading.exception()


@dataclass(frozen=True, slots=True)
class _Link:
    """The columns that join a relation, without the tenant that both sides share."""

    local: str
    target: Any
    remote: str
    is_list: bool


@cache
def link(entity: Hashable, name: str) -> _Link:
    relation: RelationshipProperty[Any] = inspect(cast("type[Any]", entity)).relationships[name]
    (pair,) = [pair for pair in relation.local_remote_pairs or () if pair[1].key != "tenant_id"]
    local, remote = (str(column.key) for column in pair)
    return _Link(local, relation.mapper.class_, remote, bool(relation.uselist))
