"""What customers have spent, of all that are shown by one statement."""

from collections import defaultdict
from uuid import UUID

from domain.core.money import Money
from kit.scope import Scope
from models.bookings.customer_stats import CustomerStats
from models.payments.customer_spending import spent_by


async def spent(scope: Scope, stats: CustomerStats) -> list[Money]:
    """What the customer has paid for bookings, less refunds, by the venue's ledger: an amount for
    each currency, in the order of their codes.

    Empty if nothing was paid through the venue's payments.
    """

    async def load(ids: list[UUID]) -> list[list[Money]]:
        amounts = defaultdict(list)
        for customer_id, currency_code, minor in await scope.rows(spent_by(scope.tenant_id, ids)):
            amounts[customer_id].append(Money(minor, currency_code))
        return [amounts[id] for id in ids]

    return await scope.loaders.batch("spending of customers", load, stats.customer_id)
