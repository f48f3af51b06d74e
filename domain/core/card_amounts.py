"""What a card can be charged: amounts in the gateway's steps, and none below its least.

Both are Stripe's, whose rules the demo's gateway keeps to as well. Source: "Supported currencies"
in its documentation (https://docs.stripe.com/currencies), under "Minimum and maximum charge
amounts" and "Three-decimal currencies".
"""

from collections.abc import Iterator
from typing import Final

from domain.core.money import Money
from domain.core.refusals import Invalid, Path, Refusal

# The last of their three digits is always 0.
_IN_TENS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

# In minor units. For other currencies Stripe converts the least of the account's own currency,
# which nobody knows beforehand: a step is the least that is asked for in them.
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
    """The smallest amount that a card can be charged."""
    return Money(_LEAST.get(currency_code, _step(currency_code)), currency_code)


def chargeable(amount: Money) -> Money:
    """The most that can be charged of an amount: down to a step, and nothing below the least."""
    code = amount.currency_code
    in_steps = rounded_down(amount)
    return in_steps if in_steps.amount_minor >= least_charge(code).amount_minor else Money(0, code)


def rounded_down(amount: Money) -> Money:
    """The largest amount in the currency's steps that isn't above this one."""
    step = _step(amount.currency_code)
    return Money(amount.amount_minor // step * step, amount.currency_code)


def returnable(amount: Money, *, of: Money) -> Money:
    """What a card is given back for an amount: up to a step, and at most all ``of`` it."""
    step = _step(amount.currency_code)
    in_steps = -(-amount.amount_minor // step) * step
    return Money(min(in_steps, of.amount_minor), amount.currency_code)


def step_refusals(amount: Money, *, path: Path) -> Iterator[Refusal]:
    """Refuses an amount between two steps."""
    if rounded_down(amount) != amount:
        step = Money(_step(amount.currency_code), amount.currency_code)
        yield Invalid(f"The amount must be a multiple of {step}.", path=path)


def charge_refusals(amount: Money, *, path: Path) -> Iterator[Refusal]:
    """Refuses an amount that can't be charged as it is."""
    least = least_charge(amount.currency_code)
    if amount.amount_minor < least.amount_minor:
        yield Invalid(f"At least {least}: a card can't be charged less.", path=path)
    else:
        yield from step_refusals(amount, path=path)


def _step(currency_code: str) -> int:
    return 10 if currency_code in _IN_TENS else 1
