"""The ledger of bookings: posts under the room's lock, and returns balances."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from domain.payments.ledger import Balances, Posting
from kit.ids import new_id
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.payments.payments import LedgerEntry, account_sums


async def post(scope: Scope, booking: Booking, posting: Posting) -> None:
    """Posts to the booking's ledger; the database refuses the same posting twice."""
    moved = {account: amount for account, amount in posting.entries.items() if amount}
    await scope.run(
        insert(LedgerEntry).values(
            [
                {
                    "tenant_id": scope.tenant_id,
                    "id": new_id(),
                    "booking_id": booking.id,
                    "kind": posting.kind.value,
                    "source_id": posting.source_id,
                    "account": account.value,
                    "amount_minor": amount,
                    "currency_code": booking.currency_code,
                    "at": scope.now(),
                }
                for account, amount in moved.items()
            ]
        )
    )


async def balances_now(scope: Scope, booking: Booking) -> Balances:
    """Returns the balances with everything that this change has posted so far."""
    (sums,) = await _sums(scope, [booking.id])
    return Balances.of(booking.currency_code, sums)


async def balances_of(scope: Scope, booking: Booking) -> Balances:
    """Returns the balances in this snapshot, by one statement for a batch of bookings."""

    async def load(ids: list[UUID]) -> list[dict[str, int]]:
        return await _sums(scope, ids)

    sums = await scope.loaders.batch("account sums", load, booking.id)
    return Balances.of(booking.currency_code, sums)


async def _sums(scope: Scope, ids: list[UUID]) -> list[dict[str, int]]:
    sums: defaultdict[UUID, dict[str, Any]] = defaultdict(dict)
    for booking_id, account, amount in await scope.rows(account_sums(scope.tenant_id, ids)):
        sums[booking_id][account] = amount
    return [sums[id] for id in ids]
