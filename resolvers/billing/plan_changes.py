"""Changes of a venue's subscription: trial, checkout, change of plan, cancellation.

Each change is a saga: reserved under the tenant's lock, requested from the gateway outside of any
transaction, and settled as the gateway then reports it. If the process ends in between, a job that
was stored with the reservation settles it.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from typing_extensions import Doc

from domain.accounts.refusals import EmailNotVerified
from domain.billing.plan_subscriptions import (
    LIVE,
    TRIAL,
    Change,
    SubscriptionStatus,
    change_to,
    is_higher,
    may_check_out,
)
from domain.billing.refusals import SubscriptionChangeNotAllowed, SubscriptionUnpaid, TooManyRooms
from domain.core.ids import RoomId
from domain.core.refusals import Invalid, NotFound, Refusal, StaleVersion
from domain.tenants.plans import PLANS, PlanCode
from integrations.billing.protocol import Billing, Buyer
from integrations.payments.protocol import Declined, GatewayAway, GatewayError, GatewayRefused
from kit.errors import Unavailable
from kit.scope import Scope
from models.accounts.users import owners_of, verified_owners_of
from models.billing import BillingSubscription, billing_of, change_given_up
from models.tenants import tenant_of
from models.venue.rooms import rooms_in_use
from resolvers.billing.plan_subscriptions import may_try
from resolvers.billing.subscription_sync import (
    AFTER_A_CHANGE,
    SYNC,
    Look,
    agreed,
    begun,
    billing_in,
    customer_of,
    lock_billing,
    look,
    written_down,
)
from resolvers.core.lookups import raise_all
from resolvers.core.sagas import Saga

MAX_URL_LENGTH: Final = 2000
ROOMS_SHOWN: Final = 250
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Version = Annotated[
    int,
    Doc(
        "The version of the subscription that you read. If it has changed "
        "since, the mutation is refused with STALE_VERSION."
    ),
]

log = structlog.get_logger(__name__)


# ------------------------------------------------------------------------------ beginning


async def start_trial(
    saga: Saga,
    *,
    plan: Annotated[PlanCode, Doc("The plan to try: PROFESSIONAL or ENTERPRISE.")],
) -> BillingSubscription:
    """Start a trial of a higher plan: once, for 14 days, without a card.

    An owner must have verified their e-mail address. The trial ends by itself if no card has been
    added by then.
    """
    if not is_higher(plan, than=PlanCode.STARTER):
        raise Invalid("Choose a plan above Starter for the trial.", path=("plan",))

    async def decide(_: Scope, row: BillingSubscription) -> None:
        if not may_try(row):
            raise SubscriptionChangeNotAllowed(
                "A trial can start only once, and only before a subscription."
            )

    if await saga.read(verified_owners_of(saga.tenant_id)) is None:
        raise EmailNotVerified
    customer_id = await _customer(saga)

    async def request(billing: Billing, row: BillingSubscription) -> None:
        # An earlier call may have started it, and its response may have been lost.
        if (await billing.fetch(customer_id)).subscription_id is None:
            await billing.start_trial(
                customer_id,
                plan,
                tenant_id=saga.tenant_id,
                days=TRIAL.days,
                key=_key(row, "trial", plan),
            )

    return await _apply_change(saga, decide, request, begins=True)


async def start_checkout(
    saga: Saga,
    *,
    plan: Annotated[PlanCode, Doc("The plan to subscribe to.")],
    success_url: Annotated[
        str,
        Doc("The address that the person returns to after subscribing; it must start with https."),
    ],
    cancel_url: Annotated[
        str,
        Doc(
            "The address that the person returns to without subscribing; it must start with https."
        ),
    ],
) -> str:
    """Create a checkout page, where a person enters a card and subscribes to a plan.

    The subscription starts when they have finished. Tenants that already have one use `changePlan`
    instead.
    """
    refused = _url_refusals("success_url", success_url)
    raise_all([*refused, *_url_refusals("cancel_url", cancel_url)])
    row = await saga.read(billing_of(saga.tenant_id, billing_in(saga.runtime).name))
    if not may_check_out(row.value if row else None):
        raise SubscriptionChangeNotAllowed(
            "There is already a subscription; change its plan instead."
        )
    billing = billing_in(saga.runtime)
    with _map_gateway_errors():
        customer_id = await _customer(saga)
        url = await billing.start_checkout(
            customer_id,
            plan,
            tenant_id=saga.tenant_id,
            trial_ends_at=_trial_left(row),
            success_url=success_url,
            cancel_url=cancel_url,
            key=f"{saga.tenant_id}:{saga.request.id}:checkout",
        )
        seen = await look(saga.runtime, saga.actor, saga.request)
    if seen is not None:
        await saga.step(partial(written_down, seen=seen))
    return url


async def open_billing_portal(
    saga: Saga,
    *,
    return_url: Annotated[
        str, Doc("The address that the page leads back to; it must start with https.")
    ],
) -> str:
    """Create a page where a person changes the card. Its address is valid for a short time."""
    raise_all(_url_refusals("return_url", return_url))
    with _map_gateway_errors():
        customer_id = await _customer(saga)
        return await billing_in(saga.runtime).open_portal(customer_id, return_url=return_url)


# ------------------------------------------------------------------------------ changing


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

    async def decide(inner: Scope, row: BillingSubscription | None) -> None:
        refused = await _room_refusals(inner, plan, archive_room_ids)
        if row is None or row.value.status not in LIVE:
            refused.append(
                SubscriptionChangeNotAllowed("There is no subscription yet; start one first.")
            )
        elif row.status == SubscriptionStatus.UNPAID and is_higher(plan, than=row.value.plan):
            refused.append(
                SubscriptionChangeNotAllowed("Pay the overdue amount in the billing portal first.")
            )
        raise_all(refused)
        assert row is not None
        row.archive_room_ids = [str(id) for id in archive_room_ids]

    async def request(billing: Billing, row: BillingSubscription) -> None:
        id, key = _subscription_id(row), _key(row, "plan", plan)
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

    return await _apply_change(saga, decide, request, version=version)


async def cancel_subscription(saga: Saga, *, version: Version) -> BillingSubscription:
    """Cancel the subscription. It stays as it is until the end of the billing period."""

    async def request(billing: Billing, row: BillingSubscription) -> None:
        if not row.cancels_at_period_end:
            await billing.cancel(_subscription_id(row), key=_key(row, "cancel"))

    return await _apply_change(saga, _is_live, request, version=version)


async def resume_subscription(saga: Saga, *, version: Version) -> BillingSubscription:
    """Withdraw the cancellation of a subscription, before the billing period has ended."""

    async def decide(inner: Scope, row: BillingSubscription | None) -> None:
        await _is_live(inner, row)
        if row is not None and not row.cancels_at_period_end:
            raise SubscriptionChangeNotAllowed("The subscription isn't cancelled.")

    async def request(billing: Billing, row: BillingSubscription) -> None:
        await billing.resume(_subscription_id(row), key=_key(row, "resume"))

    return await _apply_change(saga, decide, request, version=version)


# ------------------------------------------------------------------------------ steps


async def _apply_change(
    saga: Saga,
    decide: Callable[[Scope, BillingSubscription], Awaitable[None]]
    | Callable[[Scope, BillingSubscription | None], Awaitable[None]],
    request: Callable[[Billing, BillingSubscription], Awaitable[None]],
    *,
    version: int | None = None,
    begins: bool = False,
) -> BillingSubscription:
    """Reserves a change, requests it from the gateway, and settles it as the gateway reports."""
    reserve = partial(_reserve, decide=decide, version=version, begins=begins)
    row = await saga.step(reserve)
    try:
        with _map_gateway_errors():
            await request(billing_in(saga.runtime), row)
            seen = await look(saga.runtime, saga.actor, saga.request)
    except BaseException as error:
        # After a clear refusal the account is synchronised, so the next attempt has a new key.
        seen = await _looked_again(saga) if isinstance(error, Refusal) else None
        await saga.step(partial(_abandon, by=saga.request.id, seen=seen))
        raise
    assert seen is not None, "who has a subscription is known to the gateway"
    return await saga.step(partial(_settle, by=saga.request.id, seen=seen))


async def _reserve(
    scope: Scope,
    *,
    decide: Callable[..., Awaitable[None]],
    version: int | None,
    begins: bool,
) -> BillingSubscription:
    """Blocks other changes until this one is settled, or for two minutes."""
    await lock_billing(scope)
    row = await begun(scope) if begins else await scope.one(agreed(scope))
    if row is not None and version not in (None, row.version):
        raise StaleVersion(row, path=("version",))
    if row is not None and row.changing_until is not None and row.changing_until > scope.now():
        raise SubscriptionChangeNotAllowed("Another change is in progress; try again in a moment.")
    await decide(scope, row)
    assert row is not None, "without one, it was refused"
    row.changing_by, row.changing_until = scope.request.id, scope.now() + AFTER_A_CHANGE
    scope.enqueue(SYNC, {}, at=row.changing_until, dedupe="after a change")
    return row


async def _settle(scope: Scope, *, by: UUID, seen: Look) -> BillingSubscription:
    """Stores the gateway's result of a change, and allows other changes again."""
    changed = await written_down(scope, seen=seen)
    # One that took too long leaves the reservation of the next, with its rooms, alone.
    if changed.changing_by == by:
        changed.changing_by = changed.changing_until = None
        if changed.next_plan_code is None:
            changed.archive_room_ids = []
    return changed


async def _abandon(scope: Scope, *, by: UUID, seen: Look | None) -> None:
    """Gives up a change, and allows other changes again."""
    if seen is not None:
        await written_down(scope, seen=seen)
    else:
        await lock_billing(scope)
    await scope.run(change_given_up(scope.tenant_id, by))


async def _looked_again(saga: Saga) -> Look | None:
    try:
        return await look(saga.runtime, saga.actor, saga.request)
    except GatewayError as error:
        log.warning("billing.not_looked_at", reason=str(error))
        return None


async def _customer(saga: Saga) -> str:
    """Returns the tenant's customer at the gateway, with the name of its first owner."""
    tenant = await saga.read(tenant_of(saga.tenant_id))
    owner = await saga.read(owners_of(saga.tenant_id))
    assert tenant is not None and owner is not None, "a tenant always has an owner"
    buyer = Buyer(tenant.id, tenant.name, owner.email)
    with _map_gateway_errors():
        return await customer_of(saga.runtime, saga.actor, saga.request, buyer)


@contextmanager
def _map_gateway_errors() -> Iterator[None]:
    """Maps errors of the gateway to refusals. Raises SubscriptionUnpaid and Unavailable."""
    try:
        yield
    except Declined as error:
        raise SubscriptionUnpaid from error
    except GatewayAway as error:
        raise Unavailable("The payment service doesn't answer; try again in a moment.") from error
    except GatewayRefused as error:
        log.error("billing.refused", reason=str(error))
        raise Unavailable("The payment service can't do that now; try again later.") from error


async def _is_live(_: Scope, row: BillingSubscription | None) -> None:
    if row is None or row.value.status not in LIVE:
        raise SubscriptionChangeNotAllowed("There is no subscription.")


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


def _trial_left(row: BillingSubscription | None) -> datetime | None:
    if row is None or row.status != SubscriptionStatus.TRIALING:
        return None
    return row.trial_ends_at


def _subscription_id(row: BillingSubscription) -> str:
    assert row.subscription_ref is not None, "what lives has an id"
    return row.subscription_ref


def _key(row: BillingSubscription, *words: str) -> str:
    """Returns an idempotency key, the same until a synchronisation has found the outcome."""
    return ":".join([str(row.tenant_id), str(row.seen), *words])


def _url_refusals(name: str, url: str) -> list[Refusal]:
    if len(url) <= MAX_URL_LENGTH and _is_safe(url):
        return []
    problem = f"An address is https://…, of at most {MAX_URL_LENGTH:,} characters."
    return [Invalid(problem, path=(name,))]


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        # For example, brackets without an IPv6 address in them.
        return False
    is_here = parts.scheme == "http" and parts.hostname in _HERE
    return bool(parts.hostname) and (parts.scheme == "https" or is_here)
