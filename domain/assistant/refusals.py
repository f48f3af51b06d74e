"""Refusals of the assistant: it is off or has used up its budget, or a proposal is closed."""

from dataclasses import dataclass
from datetime import datetime

from domain.assistant.proposals import ProposalState
from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class AssistantUnavailable(Refusal):
    """The installation or the venue has no assistant, or none for this caller."""

    code = Code.ASSISTANT_UNAVAILABLE

    def __str__(self) -> str:
        return "The assistant isn't available here; use the rest of the app instead."


@dataclass(eq=False)
class AssistantBudgetReached(Refusal):
    """The tokens for a day or a month are used up, until ``frees_at``."""

    code = Code.ASSISTANT_BUDGET_REACHED
    frees_at: datetime
    used: int
    limit: int

    def __str__(self) -> str:
        return f"The assistant's budget of {self.limit:,} tokens is used up; try again later."


@dataclass(eq=False)
class ConversationBusy(Refusal):
    """The assistant is still answering the last message of the conversation."""

    code = Code.CONVERSATION_BUSY

    def __str__(self) -> str:
        return "The assistant is still answering your last message; wait for it to end."


@dataclass(eq=False)
class ProposalClosed(Refusal):
    """A proposal can't be confirmed or declined any more."""

    code = Code.PROPOSAL_CLOSED
    state: ProposalState

    def __str__(self) -> str:
        if self.state is ProposalState.EXPIRED:
            return "This proposal has expired; ask the assistant for a new one."
        return f"This proposal was {self.state.lower()} already."
