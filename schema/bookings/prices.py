"""The price of a booking, line by line."""

from datetime import datetime

from domain.bookings.pricing import Price
from domain.bookings.pricing import PriceLine as Line
from domain.bookings.pricing import TaxAmount as Tax
from domain.core.percents import Percent
from schema.core.fields import column, value
from schema.core.money import Money


@value(Line)
class PriceLine:
    """A line of a price."""

    label: str = column("The description of the line, in English.")
    starts_at: datetime | None = column(
        "The start of the time that the line is for, or null if it is for no particular time."
    )
    ends_at: datetime | None = column(
        "The end of the time that the line is for, or null if it is for no particular time."
    )
    minutes: int | None = column(
        "The duration in minutes, or null if the line is for no particular time."
    )
    amount: Money = column("The amount of the line.")
    tax_rate: Percent | None = column("The rate of the tax, or null if the line isn't taxed.")


@value(Tax)
class TaxAmount:
    """The tax on a price at one rate."""

    rate: Percent = column("The rate of the tax.")
    net: Money = column("The amount that is taxed, without the tax.")
    amount: Money = column("The tax.")


@value(Price)
class PriceBreakdown:
    """The price of a booking, line by line. The total is the subtotal minus the discount plus the
    tax."""

    lines: list[PriceLine] = column("The lines of the price, in chronological order.")
    subtotal: Money = column("The sum of the lines.")
    discount: Money = column("The discount, which is subtracted from the subtotal.")
    tax: Money = column("The tax, which is added; 0 if the lines include the taxes.")
    total: Money = column("The total price.")
    taxes: list[TaxAmount] = column(
        "The tax at each rate, whether it is added or included, the highest rate first."
    )
    taxes_included: bool = column("Whether the lines include the taxes.")
