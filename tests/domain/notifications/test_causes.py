"""Which entries of the log cause which notifications."""

from typing import Any

import pytest

from domain.core.log_events import EventType, LoggedEvent
from domain.notifications.causes import kinds_of
from kit.ids import new_id
from tests.support.clock import MONDAY_MORNING


def entry(type: EventType, before: Any = None, after: Any = None) -> LoggedEvent:
    return LoggedEvent(
        1, new_id(), type, MONDAY_MORNING, None, "Booking", new_id(), None, before, after
    )


@pytest.mark.parametrize(
    ("type", "before", "after", "kinds"),
    [
        ("CREATED", None, "confirmed", ["BOOKING_CONFIRMED", "STAFF_BOOKING_CREATED"]),
        ("CREATED", "held", "pending", ["BOOKING_REQUESTED", "STAFF_BOOKING_CREATED"]),
        ("CONFIRMED", "pending", "confirmed", ["BOOKING_CONFIRMED"]),
        ("REJECTED", "pending", "rejected", ["BOOKING_REJECTED"]),
        ("EXPIRED", "pending", "expired", ["BOOKING_REJECTED"]),
        ("EXPIRED", "held", "expired", []),
        ("CANCELLED", "confirmed", "cancelled", ["BOOKING_CANCELLED", "STAFF_BOOKING_CANCELLED"]),
        ("CANCELLED", "held", "cancelled", []),
        ("COMPLETED", "confirmed", "completed", ["REVIEW_ASKED"]),
        ("NO_SHOW", "confirmed", "no_show", []),
        ("HELD", None, "held", []),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_change_of_the_status_causes(
    type: str, before: str | None, after: str, kinds: list[str]
) -> None:
    event = entry(EventType(f"BOOKING_{type}"), before and {"status": before}, {"status": after})

    assert [*kinds_of(event)] == kinds


def test_an_import_that_was_to_send_nothing_causes_nothing() -> None:
    after = {"status": "confirmed", "silent": True}

    assert kinds_of(entry(EventType.BOOKING_CREATED, after=after)) == ()


def test_a_note_causes_nothing() -> None:
    event = entry(EventType.BOOKING_UPDATED, {"note": None}, {"note": None})

    assert kinds_of(event) == ()
