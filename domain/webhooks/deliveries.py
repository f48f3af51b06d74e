"""Deliveries of webhooks: their states, and when they are tried again."""

import random
from datetime import timedelta
from enum import StrEnum
from typing import Final

PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The pauses between ten attempts: 75 hours and a half together."""
JITTER: Final = 0.1
"""By what part a pause may be shorter or longer, so that what failed together spreads out."""
FAILING_FOR: Final = timedelta(days=5)
"""How long an endpoint may answer nothing well before it is disabled."""
GONE_STATUS: Final = 410
ATTEMPTS_KEPT: Final = 20
EXCERPT: Final = 200
"""The characters that are kept of an answer that refuses a webhook."""


class DeliveryStatus(StrEnum):
    """The state of a delivery."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class DisabledReason(StrEnum):
    """Why an endpoint gets no webhooks."""

    REQUESTED = "REQUESTED"
    GONE = "GONE"
    FAILING = "FAILING"
    OWNER_WITHOUT_ACCESS = "OWNER_WITHOUT_ACCESS"


def pause_after(attempts: int) -> timedelta | None:
    """Returns the pause after so many attempts that failed; None after the last one."""
    if attempts > len(PAUSES):
        return None
    return PAUSES[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - jitter


def is_success(status: int) -> bool:
    return 200 <= status < 300
