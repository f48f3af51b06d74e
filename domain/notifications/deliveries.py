"""Deliveries: one notification for one recipient by one channel, and what has become of it."""

from datetime import timedelta
from enum import StrEnum
from typing import Final


class DeliveryState(StrEnum):
    """The state of a delivery; the value is stored.

    It is SENDING while a provider is called. If that call isn't known to have ended, it is UNKNOWN:
    it isn't sent again, because it may have arrived.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"


class DeliveryReason(StrEnum):
    """Why a delivery was suppressed, or has failed; the value is stored."""

    OPTED_OUT = "opted_out"
    NO_ADDRESS = "no_address"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    QUIET_HOURS = "quiet_hours"
    CAP = "cap"
    OUTDATED = "outdated"
    REFUSED = "refused"
    GAVE_UP = "gave_up"


MAX_ATTEMPTS: Final = 12
"""How often the provider is called at most."""
FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(hours=1)


def pause_after(attempts: int) -> timedelta | None:
    """Returns the pause before another attempt; None after the last one, 5 hours later."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return min(FIRST_PAUSE * (1 << (attempts - 1)), LONGEST_PAUSE)
