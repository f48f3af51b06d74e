"""Changes a venue's subscription: another plan, cancellation, and its withdrawal.

Each change is a saga (``resolvers/billing/change_steps.py``).
"""

from collections.abc import Sequence
from typing import Annotated, Final

from typing_extensions import Doc

from domain.billing.plan_subscriptions import (
    LIVE,
    Change,
    SubscriptionStatus,
    change_to,
    is_higher,
)
from domain.billing.refusals import SubscriptionChangeNotAllowed, TooManyRooms
from domain.core.ids import RoomId
from domain.core.refusals import NotFound, Refusal
from domain.tenants.plans import PLANS, PlanCode
from integrations.billing.protocol import Billing
from kit.scope import Scope
from models.billing import BillingSubscription
from models.venue.rooms import rooms_in_use
from resolvers.billing.change_steps import apply_change, request_key
from resolvers.core.lookups import raise_all
from resolvers.core.sagas import Saga

ROOMS_SHOWN: Final = 250

Version = Annotated[
    int,
    Doc(
        "The version of the subscription that you read. If it has changed "
        "since, the mutation is refused with STALE_VERSION."
    ),
]


async def change_plan(
    saga: Saga,
    *,
    version: Version,
    plan: Annotated[PlanCode, Doc("The new plan.")],
    archive_room_ids: Annotated[
        tuple[RoomId, ...],
        Doc(
            "The rooms to archive when the new plan takes effect: at most "
            "100. Only needed if it allows fewer rooms than are in use."
        ),
    ] = (),
) -> BillingSubscription:
    """Change the plan: to a higher one at once, to a lower one at the end of the billing period.

    The difference for the rest of the period is charged at once. During a trial every change takes
    effect at once, without a payment. Choosing the current plan withdraws a change that is waiting
    for the end of the period. If the new plan allows fewer rooms than are in use, choose which to
    archive with `archiveRoomIds`.
    """

    async def decide(scope: Scope, found: BillingSubscription | None) -> BillingSubscription:
        refused = await _room_refusals(scope, plan, archive_room_ids)
        if found is None or found.value.status not in LIVE:
            nothing = SubscriptionChangeNotAllowed("There is no subscription yet; start one first.")
            raise ExceptionGroup("refused", [*refused, nothing])
        if found.status == SubscriptionStatus.UNPAID and is_higher(plan, than=found.value.plan):
            refused.append(
                SubscriptionChangeNotAllowed("Pay the overdue amount in the billing portal first.")
            )
        raise_all(refused)
        found.archive_room_ids = [str(id) for id in archive_room_ids]
        return found

    async def request(billing: Billing, row: BillingSubscription) -> None:
        id, key = _subscription_id(row), request_key(row, "plan", plan)
        match change_to(row.value, plan):
            case Change.NOTHING:
                return
            case Change.KEPT:
                await billing.keep_plan(id, key=key)
            case Change.AT_ONCE:
                await billing.change_plan(id, plan, at_once=True, key=key)
            case Change.AT_PERIOD_END:
                if row.cancels_at_period_end:
                    await billing.resume(id, key=f"{key}:resume")
                await billing.change_plan(id, plan, at_once=False, key=key)

    return await apply_change(saga, decide, request, version=version)


async def cancel_subscription(saga: Saga, *, version: Version) -> BillingSubscription:
    """Cancel the subscription. It stays as it is until the end of the billing period."""

    async def decide(_: Scope, row: BillingSubscription | None) -> BillingSubscription:
        return _live(row)

    async def request(billing: Billing, row: BillingSubscription) -> None:
        if not row.cancels_at_period_end:
            await billing.cancel(_subscription_id(row), key=request_key(row, "cancel"))

    return await apply_change(saga, decide, request, version=version)


async def resume_subscription(saga: Saga, *, version: Version) -> BillingSubscription:
    """Withdraw the cancellation of a subscription, before the billing period has ended."""

    async def decide(_: Scope, found: BillingSubscription | None) -> BillingSubscription:
        row = _live(found)
        if not row.cancels_at_period_end:
            raise SubscriptionChangeNotAllowed("The subscription isn't cancelled.")
        return row

    async def request(billing: Billing, row: BillingSubscription) -> None:
        await billing.resume(_subscription_id(row), key=request_key(row, "resume"))

    return await apply_change(saga, decide, request, version=version)


def _live(row: BillingSubscription | None) -> BillingSubscription:
    """Returns a subscription that can be changed, or refuses."""
    if row is None or row.value.status not in LIVE:
        raise SubscriptionChangeNotAllowed("There is no subscription.")
    return row


async def _room_refusals(scope: Scope, plan: PlanCode, chosen: Sequence[RoomId]) -> list[Refusal]:
    """Returns the refusal of a plan with fewer rooms than are in use and aren't to be archived."""
    in_use = await scope.all(rooms_in_use(scope.tenant_id))
    known = {room.id for room in in_use}
    refused: list[Refusal] = [
        NotFound("room", path=("archive_room_ids", number))
        for number, id in enumerate(chosen)
        if id not in known
    ]
    limit = PLANS[plan].room_limit
    left = len(known - set(chosen))
    if limit is not None and left > limit:
        refused.append(TooManyRooms(limit, left, tuple(in_use[:ROOMS_SHOWN]), path=("plan",)))
    return refused


def _subscription_id(row: BillingSubscription) -> str:
    if row.subscription_ref is None:
        raise SubscriptionChangeNotAllowed("The payment service has no subscription yet.")
    return row.subscription_ref
