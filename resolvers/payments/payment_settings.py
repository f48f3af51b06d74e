"""A venue's payment settings: payments in advance, and refunds of cancellations."""

from typing import Annotated

from typing_extensions import Doc

from domain.core.log_events import EventType
from domain.core.money import Money
from domain.core.patch import ABSENT, Absent
from domain.payments.cancellation import CancellationStep, in_order
from domain.payments.fees import Fees
from domain.payments.payments import Terms, terms_refusals
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind, rate_refusals
from kit.scope import Scope
from models.core.base import snapshot
from models.payments.payments import stored_steps, terms_of_tenant
from models.tenants import Tenant
from models.venue.rooms import least_rate
from resolvers.core.changes import log_change
from resolvers.core.lookups import CALENDAR, get_at_version, raise_all
from resolvers.tenants.settings import Version
from resolvers.tenants.tenants import visible_tenants

_IN_PART = frozenset({PolicyKind.DEPOSIT, PolicyKind.CARD_HOLD})


async def payment_terms(_: Scope, tenant: Tenant) -> Terms:
    """What is to be paid when booking, and what a cancellation refunds."""
    return terms_of_tenant(tenant)


async def update_payment_settings(
    scope: Scope,
    *,
    version: Version,
    policy: Annotated[
        PolicyKind | Absent, Doc("What customers and guests have to pay when they book.")
    ] = ABSENT,
    percent: Annotated[
        int | Absent | None,
        Doc("The percentage of the price for a deposit or a card hold: 1 to 100."),
    ] = ABSENT,
    amount: Annotated[
        Money | Absent | None,
        Doc(
            "A fixed amount for a deposit or a card hold, instead of "
            "`percent`. At most the price is charged."
        ),
    ] = ABSENT,
    cancellation_steps: Annotated[
        tuple[CancellationStep, ...] | Absent,
        Doc(
            "What a cancellation refunds, and until when: at most 10 steps. With an empty "
            "list everything is refunded until the start."
        ),
    ] = ABSENT,
    cancellation_fees_due: Annotated[
        bool | Absent,
        Doc(
            "Whether customers owe what the steps don't refund of the price, even if they haven't "
            "paid it. Otherwise the venue only keeps it of what was paid."
        ),
    ] = ABSENT,
    no_show_fee_percent: Annotated[
        int | Absent,
        Doc("The percentage of the price that a customer who doesn't come owes: 0 to 100."),
    ] = ABSENT,
) -> Tenant:
    """Change what is to be paid when booking, and what a cancellation refunds.

    Existing bookings and holds keep the terms under which they were made.
    """
    await scope.lock(CALENDAR)
    tenants = visible_tenants(scope)
    tenant = await get_at_version(scope, tenants, scope.tenant_id, version=version, what="tenant")
    before = snapshot(tenant)
    if policy is not ABSENT:
        tenant.payment_policy = policy.value
    # A percentage replaces an amount, and the other way round.
    if policy not in (ABSENT, *_IN_PART) or percent is not ABSENT or amount is not ABSENT:
        tenant.payment_percent = None if percent is ABSENT else percent
        tenant.payment_amount_minor = None
    if cancellation_fees_due is not ABSENT:
        tenant.cancellation_fees_due = cancellation_fees_due
    if no_show_fee_percent is not ABSENT:
        tenant.no_show_fee_percent = no_show_fee_percent
    steps = terms_of_tenant(tenant).steps if cancellation_steps is ABSENT else cancellation_steps
    given = amount if isinstance(amount, Money) else None
    wanted = Terms(
        PaymentPolicy(
            PolicyKind(tenant.payment_policy),
            percent=tenant.payment_percent,
            amount=given or tenant.payment_amount,
        ),
        steps,
        Fees(tenant.cancellation_fees_due, tenant.no_show_fee_percent),
    )
    raise_all(list(terms_refusals(wanted, currency_code=tenant.currency_code)))
    least = await scope.value(least_rate(scope.tenant_id))
    if least is not None:
        at = ("policy",) if wanted.policy.percent is None else ("percent",)
        raise_all(list(rate_refusals(wanted.policy, Money(least, tenant.currency_code), path=at)))
    if given is not None:
        tenant.payment_amount_minor = given.amount_minor
    tenant.cancellation_steps = stored_steps(in_order(steps))
    log_change(scope, EventType.SETTINGS_CHANGED, "Tenant", tenant, before)
    return tenant
