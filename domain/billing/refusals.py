"""Refusals of billing: the plan can't be changed this way."""

from dataclasses import dataclass

from domain.core.formatting import counted
from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class SubscriptionChangeNotAllowed(Refusal):
    """The subscription can't be changed this way in its current state."""

    code = Code.INVALID_TRANSITION
    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(eq=False)
class TooManyRooms(Refusal):
    """More rooms are in use than the wanted plan allows; ``rooms`` are their names."""

    code = Code.PLAN_LIMIT_REACHED
    limit: int
    used: int
    rooms: tuple[object, ...]

    def __str__(self) -> str:
        return (
            f"{counted(self.used, 'room')} are in use, and the plan allows {self.limit}: "
            f"archive {self.used - self.limit}, or list them in `archiveRoomIds`."
        )


@dataclass(eq=False)
class SubscriptionUnpaid(Refusal):
    """The payment for the change failed, so nothing has changed."""

    code = Code.PAYMENT_FAILED

    def __str__(self) -> str:
        return "The payment was declined and the plan has not changed; try another card."
