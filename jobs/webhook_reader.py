"""Reads the log for webhooks: stores what is to be sent to which endpoint."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Select, insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.core.log_events import EventType
from domain.webhooks.deliveries import DeliveryStatus
from domain.webhooks.events import TOPICS, event_name
from jobs.event_reader import LogReader
from kit.clock import Clock
from kit.ids import new_id
from kit.postgres.database import Database
from models.webhooks.deliveries import Key, WebhookDelivery, endpoints_woken
from models.webhooks.endpoints import receiving_endpoints, tenants_with_endpoints


@dataclass(frozen=True, slots=True)
class _Webhooks:
    """The part of the log that webhooks follow."""

    name: str = "webhooks"
    event_types: frozenset[EventType] = frozenset(TOPICS)
    starts: Literal["now", "beginning"] = "now"
    only_of: Callable[[Collection[UUID]], Select[UUID]] = tenants_with_endpoints
    skips_silent: bool = False


WEBHOOKS: Final = _Webhooks()


class WebhookReader(LogReader):
    """Stores a delivery for each new event and endpoint, in the order of the log.

    ``wake`` is called with the endpoints to which something is to be sent.
    """

    def __init__(
        self, database: Database, *, clock: Clock, wake: Callable[[Collection[Key]], None]
    ) -> None:
        super().__init__(database, WEBHOOKS)
        self._clock = clock
        self._wake = wake
        self._concerns: set[Key] = set()

    async def _store(self, session: AsyncSession, wanted: Sequence[Any]) -> None:
        now = self._clock()
        endpoints: defaultdict[UUID, list[tuple[UUID, frozenset[str]]]] = defaultdict(list)
        tenants = {entry["tenant_id"] for entry in wanted}
        for tenant_id, id, types in await session.execute(receiving_endpoints(tenants)):
            endpoints[tenant_id].append((id, frozenset(types)))
        deliveries = [
            {
                "tenant_id": entry["tenant_id"],
                "id": new_id(),
                "endpoint_id": id,
                "type": event_name(EventType(entry["type"])),
                "event_at": entry["at"],
                "subject_type": entry["subject_type"],
                "subject_id": entry["subject_id"],
                "status": DeliveryStatus.WAITING.value,
                "attempt_count": 0,
                "next_attempt_at": now,
                "created_at": now,
            }
            for entry in wanted
            for id, types in endpoints[entry["tenant_id"]]
            if entry["type"] in types
        ]
        self._concerns = {(each["tenant_id"], each["endpoint_id"]) for each in deliveries}
        if deliveries:
            await session.execute(insert(WebhookDelivery), deliveries)
            # Last: who holds an endpoint looks for deliveries once this row is free.
            await session.execute(endpoints_woken(self._concerns, now=now))

    def _stored(self) -> None:
        if self._concerns:
            self._wake(self._concerns)
