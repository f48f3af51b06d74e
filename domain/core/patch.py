"""Values of a patch that may be absent, which is not null."""

from enum import Enum
from typing import Final


class Absent(Enum):
    """The type of ABSENT, for annotations: ``str | None | Absent``."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""Not given: the value stays unchanged."""
