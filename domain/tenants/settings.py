"""What the settings of a venue may be."""

from enum import StrEnum

LONGEST_MINUTES = (31 * 24 + 1) * 60
"""The longest booking that any venue can allow: 31 days, one of them with 25 hours."""


class EarlyEndPrice(StrEnum):
    """The price of a booking that is ended early; the value is stored."""

    FULL = "full"
    USED = "used"
