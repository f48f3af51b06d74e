"""Exact percentages, in thousandths of a percent."""

import re
from dataclasses import dataclass
from typing import Final, Self

from domain.core.refusals import Invalid, Path

_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,2})(?:\.([0-9]{1,3}))?", re.ASCII)
_WHOLE: Final = 100_000


@dataclass(frozen=True, slots=True, order=True)
class Percent:
    """A percentage from 0 to 100: 19000 is 19%, and 8875 is 8.875%. Raises ValueError beyond."""

    thousandths: int

    def __post_init__(self) -> None:
        if not 0 <= self.thousandths <= _WHOLE:
            raise ValueError("A percentage lies between 0 and 100.")

    @classmethod
    def parse(cls, text: str, *, path: Path = ()) -> Self:
        """Parses a decimal such as '8.875', without a sign or '%'. Raises Invalid."""
        match = _DECIMAL.fullmatch(text)
        thousandths = int(match[1] + (match[2] or "").ljust(3, "0")) if match else -1
        if not 0 <= thousandths <= _WHOLE:
            problem = (
                "A percentage is a decimal from 0 to 100 with at most 3 digits after the point."
            )
            raise Invalid(problem, path=path)
        return cls(thousandths)

    def __str__(self) -> str:
        whole, fraction = divmod(self.thousandths, 1000)
        return f"{whole}.{fraction:03}".rstrip("0").rstrip(".")

    def added_to(self, net: int, *, step: int = 1) -> int:
        """Returns this percentage of an amount, rounded half up to a multiple of ``step``."""
        return nearest(net * self.thousandths, _WHOLE, step=step)

    def within(self, gross: int) -> int:
        """Returns the part of an amount that was added by this percentage, rounded half up."""
        return nearest(gross * self.thousandths, _WHOLE + self.thousandths)


def nearest(numerator: int, denominator: int, *, step: int = 1) -> int:
    """Returns the multiple of ``step`` nearest to a fraction, and the higher one of two."""
    return (2 * numerator + denominator * step) // (2 * denominator * step) * step
