"""Executes due payment calls of bookings, and retries until the gateway responds."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kit.runtime import Runtime
from resolvers.payments.settlement import settle_booking


async def settle(runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
    """Executes all due calls of a booking; if it raises, the job is retried."""
    assert tenant_id is not None, "bookings belong to a tenant"
    await settle_booking(runtime, tenant_id, UUID(payload["booking_id"]))
