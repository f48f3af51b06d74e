"""Proposals: changes that the assistant has tried, and that only the person can make."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

VALID_FOR: Final = timedelta(minutes=10)


class ProposalKind(StrEnum):
    """What a proposal would do."""

    BOOKING = "BOOKING"
    RESCHEDULE = "RESCHEDULE"
    CANCELLATION = "CANCELLATION"
    TICKET = "TICKET"


class ProposalState(StrEnum):
    """Whether a proposal can be confirmed, or what became of it."""

    PROPOSED = "PROPOSED"
    CONFIRMED = "CONFIRMED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


def state_at(state: ProposalState, expires_at: datetime, now: datetime) -> ProposalState:
    """Returns the state of a proposal at an instant: it expires by itself."""
    if state is ProposalState.PROPOSED and now >= expires_at:
        return ProposalState.EXPIRED
    return state
