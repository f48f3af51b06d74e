"""Refusals of support: a ticket is in the wrong state."""

from dataclasses import dataclass

from domain.core.formatting import listed
from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class TicketTransition(Refusal):
    """The ticket's ``status`` doesn't allow the change; those of ``allowed`` would."""

    code = Code.INVALID_TRANSITION
    status: str
    allowed: tuple[str, ...]

    def __str__(self) -> str:
        return f"The ticket is {self.status}; this can be done while it is {listed(self.allowed)}."
