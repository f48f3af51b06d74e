"""How the people who book a room at the same time share it: not at all, or by its seats."""

from enum import StrEnum
from typing import Final

MOST_SEATS: Final = 500


class Sharing(StrEnum):
    """How the people who book a room at the same time share it."""

    EXCLUSIVE = "EXCLUSIVE"
    SEATS = "SEATS"
