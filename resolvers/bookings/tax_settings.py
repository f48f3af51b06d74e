"""A venue's settings for prices: taxes, rounding, and the minimum charge."""

from typing import Annotated

from typing_extensions import Doc

from domain.core.card_amounts import step_refusals
from domain.core.log_events import EventType
from domain.core.money import Money
from domain.core.patch import ABSENT, Absent
from domain.core.percents import Percent
from domain.core.refusals import Invalid, Refusal
from domain.tenants.price_settings import PriceSettings, Rounding
from kit.scope import Scope
from models.core.base import snapshot
from models.tenants import Tenant
from resolvers.bookings.price_facts import price_settings
from resolvers.core.changes import log_change
from resolvers.core.lookups import CALENDAR, get_at_version, raise_all
from resolvers.tenants.settings import Version
from resolvers.tenants.tenants import visible_tenants


async def tax_settings(_: Scope, tenant: Tenant) -> PriceSettings:
    """How prices are taxed and rounded, and the minimum charge."""
    return price_settings(tenant)


async def update_tax_settings(
    scope: Scope,
    *,
    version: Version,
    tax_rate: Annotated[
        Percent | Absent | None,
        Doc("The rate of the tax, except where a price rule has its own. Null: no tax."),
    ] = ABSENT,
    taxes_included: Annotated[
        bool | Absent, Doc("Whether rates and price rules include the tax; else it is added.")
    ] = ABSENT,
    rounding: Annotated[
        Rounding | Absent, Doc("How the amount of each line of a price is rounded.")
    ] = ABSENT,
    round_to: Annotated[
        Money | Absent | None,
        Doc(
            "The amount to whose multiples lines are rounded, such as 0.05 CHF. Null: the smallest "
            "amount that a card can be charged."
        ),
    ] = ABSENT,
    minimum_charge: Annotated[
        Money | Absent | None,
        Doc(
            "The least that the lines of a price sum to; a line is added where they don't. What "
            "costs nothing stays free. Null: no minimum."
        ),
    ] = ABSENT,
) -> Tenant:
    """Change how prices are taxed and rounded, and the minimum charge.

    Existing bookings and holds keep their price.
    """
    await scope.lock(CALENDAR)
    tenants = visible_tenants(scope)
    tenant = await get_at_version(scope, tenants, scope.tenant_id, version=version, what="tenant")
    before, refused = snapshot(tenant), list[Refusal]()
    if tax_rate is not ABSENT:
        tenant.tax_thousandths = tax_rate.thousandths if tax_rate else None
    if taxes_included is not ABSENT:
        tenant.taxes_included = taxes_included
    if rounding is not ABSENT:
        tenant.price_rounding = rounding.value
    if round_to is not ABSENT:
        refused += _amount_refusals(tenant, round_to, "round_to")
        tenant.price_step_minor = round_to.amount_minor if round_to else None
    if minimum_charge is not ABSENT:
        refused += _amount_refusals(tenant, minimum_charge, "minimum_charge")
        tenant.minimum_charge_minor = minimum_charge.amount_minor if minimum_charge else None
    raise_all(refused)
    log_change(scope, EventType.SETTINGS_CHANGED, "Tenant", tenant, before)
    return tenant


def _amount_refusals(tenant: Tenant, amount: Money | None, name: str) -> list[Refusal]:
    if amount is None:
        return []
    if amount.currency_code != tenant.currency_code:
        return [Invalid(f"Prices must be in {tenant.currency_code}.", path=(name,))]
    if not amount.amount_minor:
        return [Invalid("The amount must be above 0; null removes it.", path=(name,))]
    return [*step_refusals(amount, path=(name,))]
