"""The states of a ticket, as a table of all steps from all states."""

import pytest

from domain.support.refusals import TicketTransition
from domain.support.tickets import TicketStatus, TicketStep, status_after, subject_refusals

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


@pytest.mark.parametrize(
    ("subject", "refused"),
    [
        ("A jacket", 0),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", 0),
        ("\U0001f468\u200d\U0001f373 wanted", 0),
        ("Two\nlines", 1),
        ("Two\u2028lines", 1),
        ("\x1b[31m", 1),
    ],
    ids=["plain", "Persian", "a joined emoji", "lines", "separated lines", "a control"],
)
def test_a_subject_is_one_line_of_any_script(subject: str, refused: int) -> None:
    assert len([*subject_refusals(subject)]) == refused


def _after(status: TicketStatus, step: TicketStep) -> str:
    try:
        return status_after(status, step).value
    except TicketTransition:
        return REFUSED
