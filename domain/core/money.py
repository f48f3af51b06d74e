"""Exact amounts of money: integer minor units of a currency."""

import re
from dataclasses import dataclass
from typing import NewType, Self

from babel.core import get_global

from domain.core.refusals import Invalid, Path

# ISO 4217's digits if they aren't 2. CLDR's differ: they drop digits that cash lacks (IQD, RSD).
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
CURRENCY_CODES = frozenset(
    code
    for territory in get_global("territory_currencies").values()
    for code, _start, end, is_tender in territory
    if is_tender and end is None
)
CurrencyCode = NewType("CurrencyCode", str)
"""An ISO 4217 code of a currency in use."""

_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")
# A rate this large times the longest booking still fits the database's bigint.
_LARGEST_GIVEN = 10**12
_BIGINT = 2**63


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's smallest unit: 2900 of USD is $29.00, of JPY ¥2,900.

    Raises ValueError if the amount exceeds a bigint.
    """

    amount_minor: int
    currency_code: str

    def __post_init__(self) -> None:
        if not -_BIGINT <= self.amount_minor < _BIGINT:
            raise ValueError("An amount of money fits a bigint.")

    @classmethod
    def parse(cls, amount: str, currency_code: str, *, path: Path = ()) -> Self:
        """Parses a decimal such as '29.00', without a sign, an exponent or spaces.

        At most the currency's digits after the point, and at most 10^12 minor units. Raises
        Invalid, with ``path`` leading to the amount or the currency.
        """
        digits = currency_digits(currency_code, path=(*path, "currency_code"))
        match = _DECIMAL.fullmatch(amount) if len(amount) <= 20 else None
        if match is None:
            raise Invalid("An amount must be a decimal such as '29.00'.", path=(*path, "amount"))
        whole, fraction = match[1], match[2] or ""
        if len(fraction) > digits:
            problem = f"{currency_code} has {digits} digits after the point."
            raise Invalid(problem, path=(*path, "amount"))
        amount_minor = int(whole + fraction.ljust(digits, "0"))
        if amount_minor > _LARGEST_GIVEN:
            raise Invalid("The amount is too large.", path=(*path, "amount"))
        return cls(amount_minor, currency_code)

    @property
    def amount(self) -> str:
        """Returns the decimal with all of the currency's digits: '29.00', '2900', '29.000'."""
        digits = _DIGITS.get(self.currency_code, 2)
        if not digits:
            return str(self.amount_minor)
        sign = "-" if self.amount_minor < 0 else ""
        text = str(abs(self.amount_minor))
        if len(text) <= digits:
            text = text.rjust(digits + 1, "0")
        return f"{sign}{text[:-digits]}.{text[-digits:]}"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency_code}"

    def __add__(self, other: "Money") -> "Money":
        if self.currency_code != other.currency_code:
            raise ValueError(f"{other.currency_code} can't be added to {self.currency_code}.")
        return Money(self.amount_minor + other.amount_minor, self.currency_code)

    def for_minutes(self, minutes: int) -> "Money":
        """Returns the price of so many minutes at this hourly rate, rounded half up."""
        return Money((self.amount_minor * minutes + 30) // 60, self.currency_code)

    def percent(self, percent: int) -> "Money":
        """Returns a percentage of the amount, rounded half up to the minor unit."""
        return Money((self.amount_minor * percent + 50) // 100, self.currency_code)


def currencies_with_digits(digits: int) -> list[str]:
    """Returns the currencies with so many digits after the point, other than the usual 2."""
    return sorted(code for code, known in _DIGITS.items() if known == digits)


def currency_digits(code: str, *, path: Path = ()) -> int:
    """Returns the digits after the point of a currency in use, by ISO 4217. Raises Invalid."""
    if code not in CURRENCY_CODES:
        raise Invalid("Unknown currency; use an ISO 4217 code such as 'USD'.", path=path)
    return _DIGITS.get(code, 2)
