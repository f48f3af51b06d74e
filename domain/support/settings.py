"""A venue's settings of support."""

from typing import Final

DEFAULT_CLOSE_DAYS: Final = 7
MAX_CLOSE_DAYS: Final = 90
"""The most days for which a ticket stays SOLVED before it is closed."""
