"""Begins a venue's subscription: trial, checkout page, and the page where the card is changed."""

from datetime import datetime
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlsplit

from typing_extensions import Doc

from domain.accounts.refusals import EmailNotVerified
from domain.billing.plan_subscriptions import TRIAL, SubscriptionStatus, is_higher, may_check_out
from domain.billing.refusals import SubscriptionChangeNotAllowed
from domain.core.refusals import Invalid, Refusal
from domain.tenants.plans import PlanCode
from integrations.billing.protocol import Billing, Buyer
from kit.scope import Scope
from models.accounts.users import owners_of, verified_owners_of
from models.billing import BillingSubscription, billing_of
from models.tenants import tenant_of
from resolvers.billing.change_steps import apply_change, map_gateway_errors, request_key
from resolvers.billing.plan_subscriptions import may_try
from resolvers.billing.subscription_sync import begun, billing_in, customer_of, look, written_down
from resolvers.core.lookups import raise_all
from resolvers.core.sagas import Saga

MAX_URL_LENGTH: Final = 2000
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


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

    async def decide(scope: Scope, row: BillingSubscription | None) -> BillingSubscription:
        if not may_try(row):
            raise SubscriptionChangeNotAllowed(
                "A trial can start only once, and only before a subscription."
            )
        return row or await begun(scope)

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
                key=request_key(row, "trial", plan),
            )

    return await apply_change(saga, decide, request)


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
    with map_gateway_errors():
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
    with map_gateway_errors():
        customer_id = await _customer(saga)
        return await billing_in(saga.runtime).open_portal(customer_id, return_url=return_url)


async def _customer(saga: Saga) -> str:
    """Returns the tenant's customer at the gateway, with the name of its first owner."""
    tenant = await saga.read(tenant_of(saga.tenant_id))
    owner = await saga.read(owners_of(saga.tenant_id))
    assert tenant is not None and owner is not None, "a tenant always has an owner"
    buyer = Buyer(tenant.id, tenant.name, owner.email)
    with map_gateway_errors():
        return await customer_of(saga.runtime, saga.actor, saga.request, buyer)


def _trial_left(row: BillingSubscription | None) -> datetime | None:
    if row is None or row.status != SubscriptionStatus.TRIALING:
        return None
    return row.trial_ends_at


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
