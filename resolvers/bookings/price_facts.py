"""What decides about a venue's prices, from its rows."""

from collections.abc import Iterable

from domain.bookings.price_conditions import price_rule
from domain.bookings.room_prices import VenuePrices
from domain.tenants.price_settings import PriceSettings, Rounding
from models.bookings.price_rules import PriceRule
from models.tenants import Tenant


def venue_prices(tenant: Tenant, rules: Iterable[PriceRule]) -> VenuePrices:
    """Returns a venue's rules, in their order, and its settings made ready to price times."""
    return VenuePrices(
        [
            price_rule(
                each.label,
                each.per,
                each.amount,
                tax_rate=each.tax_rate,
                conditions=each.applies,
            )
            for each in rules
        ],
        price_settings(tenant),
    )


def price_settings(tenant: Tenant) -> PriceSettings:
    """Returns how a venue rounds and taxes its prices."""
    return PriceSettings(
        Rounding(tenant.price_rounding),
        step=tenant.price_step,
        minimum=tenant.minimum_charge,
        tax_rate=tenant.tax_rate,
        taxes_included=tenant.taxes_included,
    )
