"""Figures of customers, of all that are shown by one statement."""

from uuid import UUID

from kit.scope import Scope
from models.bookings.customer_stats import CustomerStats, bookings_counted
from models.customers.customers import Customer


async def stats(scope: Scope, customer: Customer) -> CustomerStats:
    """The figures of the customer's bookings, counted when they are read."""

    async def load(ids: list[UUID]) -> list[CustomerStats]:
        rows = await scope.rows(bookings_counted(scope.tenant_id, ids))
        found = {row[0]: CustomerStats(*row) for row in rows}
        return [found.get(id) or CustomerStats(id) for id in ids]

    return await scope.loaders.batch("stats of customers", load, customer.id)
