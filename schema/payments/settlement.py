"""Executes due payment calls at the gateway before a mutation's selection set is resolved."""

import models
from kit.operation_context import Operation
from resolvers.payments import settlement


async def settle(operation: Operation, booking: models.Booking) -> None:
    """Ask the gateway at once for what a change has made due of a booking's payments."""
    if booking.terms is not None:
        await settlement.settle_changed(operation.runtime, booking)
