"""Amounts that a card can be charged: in the gateway's steps, and not below its minimum charge.

Both are Stripe's; the demo gateway follows the same rules. Source: "Supported currencies" in
Stripe's documentation (https://docs.stripe.com/currencies), sections "Minimum and maximum charge
amounts" and "Three-decimal currencies".
"""

from collections.abc import Iterator
from typing import Final

from domain.core.money import Money
from domain.core.refusals import Invalid, Path, Refusal

# The last of their three digits is always 0.
_IN_TENS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

# In minor units. For other currencies Stripe converts the minimum of the account's own currency,
# which isn't known beforehand, so one step is the minimum.
_LEAST: Final = {
    **dict.fromkeys(("AUD", "BRL", "CAD", "CHF", "EUR", "INR", "JPY", "NZD", "SGD", "USD"), 50),
    "AED": 200,
    "BGN": 100,
    "CZK": 15_00,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 175_00,
    "MXN": 10_00,
    "MYR": 200,
    "NOK": 300,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "THB": 10_00,
}


def least_charge(currency_code: str) -> Money:
    """Returns the smallest amount that a card can be charged."""
    return Money(_LEAST.get(currency_code, charge_step(currency_code)), currency_code)


def chargeable(amount: Money) -> Money:
    """Returns an amount rounded down to a step, or zero if it is below the minimum charge."""
    code = amount.currency_code
    in_steps = rounded_down(amount)
    return in_steps if in_steps.amount_minor >= least_charge(code).amount_minor else Money(0, code)


def rounded_down(amount: Money) -> Money:
    """Returns an amount rounded down to the currency's step."""
    step = charge_step(amount.currency_code)
    return Money(amount.amount_minor // step * step, amount.currency_code)


def returnable(amount: Money, *, of: Money) -> Money:
    """Returns the refund for an amount: rounded up to a step, and at most all ``of`` it."""
    step = charge_step(amount.currency_code)
    in_steps = -(-amount.amount_minor // step) * step
    return Money(min(in_steps, of.amount_minor), amount.currency_code)


def step_refusals(amount: Money, *, path: Path) -> Iterator[Refusal]:
    """Yields a refusal for an amount between two steps."""
    if rounded_down(amount) != amount:
        step = Money(charge_step(amount.currency_code), amount.currency_code)
        yield Invalid(f"The amount must be a multiple of {step}.", path=path)


def charge_refusals(amount: Money, *, path: Path) -> Iterator[Refusal]:
    """Yields a refusal for an amount that can't be charged exactly."""
    least = least_charge(amount.currency_code)
    if amount.amount_minor < least.amount_minor:
        yield Invalid(f"At least {least}: a card can't be charged less.", path=path)
    else:
        yield from step_refusals(amount, path=path)


def charge_step(currency_code: str) -> int:
    """Returns the step in which a currency is charged, in minor units."""
    return 10 if currency_code in _IN_TENS else 1
