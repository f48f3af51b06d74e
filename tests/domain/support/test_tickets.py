"""The states of a ticket, as a table of all steps from all states."""

import pytest

from domain.support.refusals import TicketTransition
from domain.support.tickets import TicketStatus, TicketStep, status_after

REFUSED = "refused"


@pytest.mark.parametrize(
    ("step", "new", "open_", "pending", "solved", "closed"),
    [
        ("CUSTOMER_REPLY", "NEW", "OPEN", "OPEN", "OPEN", REFUSED),
        ("STAFF_REPLY", "OPEN", "OPEN", "OPEN", "SOLVED", REFUSED),
        ("STAFF_QUESTION", "PENDING", "PENDING", "PENDING", "PENDING", REFUSED),
        ("ASSIGN", "OPEN", "OPEN", "PENDING", "SOLVED", REFUSED),
        ("RESOLVE", "SOLVED", "SOLVED", "SOLVED", REFUSED, REFUSED),
        ("REOPEN", REFUSED, REFUSED, REFUSED, "OPEN", REFUSED),
        ("CLOSE", REFUSED, REFUSED, REFUSED, "CLOSED", REFUSED),
    ],
)
def test_each_step_leads_to_one_status_or_is_refused(
    step: str, new: str, open_: str, pending: str, solved: str, closed: str
) -> None:
    led_to = [_after(status, TicketStep[step]) for status in TicketStatus]

    assert led_to == [new, open_, pending, solved, closed]


def test_a_refusal_says_which_statuses_allow_the_step() -> None:
    with pytest.raises(TicketTransition) as refused:
        status_after(TicketStatus.CLOSED, TicketStep.REOPEN)

    assert refused.value.message == "The ticket is CLOSED; this can be done while it is SOLVED."


def _after(status: TicketStatus, step: TicketStep) -> str:
    try:
        return status_after(status, step).value
    except TicketTransition:
        return REFUSED
