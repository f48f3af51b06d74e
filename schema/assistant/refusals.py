"""Refusals of the assistant that have data."""

from datetime import datetime

from domain.assistant.proposals import ProposalState
from domain.assistant.refusals import AssistantBudgetReached, ProposalClosed
from schema.core.enums import describe
from schema.core.fields import column
from schema.core.user_errors import UserError, shows

describe(
    ProposalState,
    "Whether a proposal can be confirmed, or what became of it.",
    PROPOSED="It can be confirmed or declined.",
    CONFIRMED="It was confirmed, and the change was made.",
    DECLINED="It was declined.",
    EXPIRED="Nobody decided in time.",
)


@shows(AssistantBudgetReached)
class AssistantBudgetError(UserError):
    """The venue has used up the tokens that its assistant may use in a day or a month."""

    used: int = column("The tokens that were used. Guests and customers have half of a day's.")
    limit: int = column("The tokens that may be used.")
    frees_at: datetime | None = column(
        "When they can be used again: at the end of the day or month, in the venue's time zone."
    )


@shows(ProposalClosed)
class ProposalClosedError(UserError):
    """The proposal can't be confirmed or declined any more."""

    state: ProposalState = column("What became of it.")
