"""Payments: what is due of a booking's, asked of the gateway until it has answered."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kit.runtime import Runtime
from resolvers.payments.settlement import settle_booking


async def settle(runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
    """Ask for all that is due of a booking. What it raises is tried again later."""
    assert tenant_id is not None, "bookings belong to a tenant"
    await settle_booking(runtime, tenant_id, UUID(payload["booking_id"]))
