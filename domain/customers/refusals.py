"""Refusals of customers: merged already, with a login, or merged too long ago."""

from dataclasses import dataclass

from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class AlreadyMerged(Refusal):
    """The customer was merged into another one, whose row is ``kept``."""

    code = Code.ALREADY_MERGED
    kept: object

    def __str__(self) -> str:
        return "This customer was merged already; use the customer that was kept."


@dataclass(eq=False)
class CustomerHasLogin(Refusal):
    """A customer has a login, which would see the bookings of both. ``both``: so has the other."""

    code = Code.CUSTOMER_HAS_LOGIN
    both: bool = False

    def __str__(self) -> str:
        if self.both:
            return "Both customers have a login, and a customer has at most one."
        return (
            "One of the customers has a login, which would see and change the bookings of both. "
            "If both are the same person, set `sharesLogin`."
        )


@dataclass(eq=False)
class MergeUndoTooLate(Refusal):
    """The merge can't be undone any more."""

    code = Code.UNDO_WINDOW_PASSED

    def __str__(self) -> str:
        return "A merge can be undone for a day, which is over."
