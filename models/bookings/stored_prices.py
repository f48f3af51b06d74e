"""The form in which the price of a booking is stored: its lines, its total, and other sums."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.bookings.pricing import Price, PriceLine, PriceUnit, TaxAmount
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.percents import Percent


def price_columns(price: Price | None) -> dict[str, Any]:
    """Returns the columns in which a booking has its price."""
    return {
        "price_lines": _stored_lines(price),
        "price_minor": price.total.amount_minor if price else None,
        "price_sums": _stored_sums(price),
    }


def stored_price(
    lines: Sequence[Mapping[str, Any]], sums: Mapping[str, Any] | None, *, total: Money
) -> Price:
    """Returns the price of what ``price_columns`` has of it."""

    def money(minor: int) -> Money:
        return Money(minor, total.currency_code)

    read = tuple(_line(each, total.currency_code) for each in lines)
    if sums is None:
        return Price(read, total, discount=money(0), tax=money(0), total=total)
    return Price(
        read,
        subtotal=money(sums["subtotal_minor"]),
        discount=money(sums["discount_minor"]),
        tax=money(sums["tax_minor"]),
        total=total,
        taxes=tuple(
            TaxAmount(
                Percent.parse(each["rate"]),
                net=money(each["net_minor"]),
                amount=money(each["amount_minor"]),
            )
            for each in sums["taxes"]
        ),
        taxes_included=sums["taxes_included"],
        minimum=None if sums["minimum_minor"] is None else money(sums["minimum_minor"]),
    )


def _line(stored: Mapping[str, Any], currency_code: str) -> PriceLine:
    times = [stored[end] and datetime.fromisoformat(stored[end]) for end in ("start", "end")]
    unit = stored.get("unit", PriceUnit.HOUR.value)
    return PriceLine(
        stored["label"],
        amount=Money(stored["amount_minor"], currency_code),
        interval=Interval(*times) if all(times) else None,
        minutes=stored["minutes"],
        unit=unit and PriceUnit(unit),
        each=Money(stored["each_minor"], currency_code) if "each_minor" in stored else None,
        tax_rate=Percent.parse(stored["tax_rate"]) if "tax_rate" in stored else None,
    )


def _stored_lines(price: Price | None) -> list[dict[str, Any]] | None:
    """Returns a price's lines in the form that is stored."""
    if price is None:
        return None
    return [
        {
            "label": line.label,
            "start": line.interval and line.interval.start.isoformat(),
            "end": line.interval and line.interval.end.isoformat(),
            "minutes": line.minutes,
            "amount_minor": line.amount.amount_minor,
            **_of_rule(line),
        }
        for line in price.lines
    ]


def _of_rule(line: PriceLine) -> dict[str, Any]:
    """Returns what is stored of a line that isn't charged by the hour, or is taxed."""
    found: dict[str, Any] = {}
    if line.unit is not PriceUnit.HOUR:
        found["unit"] = line.unit and line.unit.value
    if line.each is not None:
        found["each_minor"] = line.each.amount_minor
    if line.tax_rate is not None:
        found["tax_rate"] = str(line.tax_rate)
    return found


def _stored_sums(price: Price | None) -> dict[str, Any] | None:
    """Returns what a price has besides lines; None if these sum to its total, untaxed."""
    if price is None or not (price.taxes or price.discount.amount_minor or price.minimum):
        return None
    return {
        "subtotal_minor": price.subtotal.amount_minor,
        "discount_minor": price.discount.amount_minor,
        "tax_minor": price.tax.amount_minor,
        "taxes": [
            {
                "rate": str(each.rate),
                "net_minor": each.net.amount_minor,
                "amount_minor": each.amount.amount_minor,
            }
            for each in price.taxes
        ],
        "taxes_included": price.taxes_included,
        "minimum_minor": price.minimum and price.minimum.amount_minor,
    }
