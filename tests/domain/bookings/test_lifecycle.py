"""The transitions of a booking."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.lifecycle import (
    EDITABLE,
    MOVABLE,
    OCCUPYING,
    BookingState,
    Status,
    allowed_transitions,
    approval_deadline,
    check_status_in,
    check_transition,
    effective_status,
    is_unanswered,
    is_unattended,
    reference,
    reference_read,
    release_time,
)
from domain.bookings.refusals import CheckInNotOpen, InvalidTransition
from domain.core.intervals import Interval

STARTS_AT = datetime(2027, 1, 8, 19, tzinfo=UTC)
ENDS_AT = datetime(2027, 1, 8, 21, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LONG_BEFORE = STARTS_AT - timedelta(days=3)
CHECK_IN_OPENS = STARTS_AT - timedelta(minutes=15)


def life(
    status: Status,
    *,
    hold_expires_at: datetime | None = None,
    approval_expires_at: datetime | None = None,
    requires_confirmation: bool = False,
    check_in_from_minutes: int = 15,
) -> BookingState:
    return BookingState(
        status,
        Interval(STARTS_AT, ENDS_AT),
        hold_expires_at,
        approval_expires_at,
        requires_confirmation=requires_confirmation,
        check_in_from_minutes=check_in_from_minutes,
        zone=ZoneInfo("Europe/Berlin"),
    )


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (Status.HELD, (Status.CONFIRMED, Status.CANCELLED)),
        (Status.PENDING, (Status.CONFIRMED, Status.REJECTED, Status.CANCELLED)),
        (Status.CONFIRMED, (Status.CANCELLED,)),
        (Status.CHECKED_IN, (Status.COMPLETED,)),
        (Status.COMPLETED, ()),
        (Status.CANCELLED, ()),
        (Status.NO_SHOW, ()),
        (Status.EXPIRED, ()),
        (Status.REJECTED, ()),
    ],
)
def test_long_before_its_start_a_booking_can_become(
    status: Status, allowed: tuple[Status, ...]
) -> None:
    assert allowed_transitions(life(status), now=LONG_BEFORE) == allowed


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (CHECK_IN_OPENS - SECOND, (Status.CANCELLED,)),
        (CHECK_IN_OPENS, (Status.CHECKED_IN, Status.CANCELLED)),
        (STARTS_AT - SECOND, (Status.CHECKED_IN, Status.CANCELLED)),
        (STARTS_AT, (Status.CHECKED_IN, Status.CANCELLED, Status.NO_SHOW)),
        (ENDS_AT - SECOND, (Status.CHECKED_IN, Status.CANCELLED, Status.NO_SHOW)),
        (ENDS_AT, (Status.COMPLETED, Status.NO_SHOW)),
    ],
)
def test_a_confirmed_booking_can_become_by_the_hour(
    now: datetime, allowed: tuple[Status, ...]
) -> None:
    assert allowed_transitions(life(Status.CONFIRMED), now=now) == allowed


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (STARTS_AT - SECOND, (Status.CONFIRMED, Status.REJECTED, Status.CANCELLED)),
        (STARTS_AT, (Status.REJECTED, Status.CANCELLED)),
        (ENDS_AT, (Status.REJECTED,)),
    ],
)
def test_a_pending_booking_can_be_confirmed_until_it_starts(
    now: datetime, allowed: tuple[Status, ...]
) -> None:
    assert allowed_transitions(life(Status.PENDING), now=now) == allowed


def test_whoever_confirms_too_late_is_told_until_when_it_was_possible() -> None:
    until = "could be confirmed until 20:00 on Friday 8 January 2027"
    with pytest.raises(InvalidTransition, match=until):
        check_transition(life(Status.PENDING), Status.CONFIRMED, now=STARTS_AT)


def test_a_pending_booking_can_be_confirmed_until_its_deadline() -> None:
    deadline = LONG_BEFORE + timedelta(hours=24)
    pending = life(Status.PENDING, approval_expires_at=deadline)

    assert Status.CONFIRMED in allowed_transitions(pending, now=deadline - SECOND)
    assert allowed_transitions(pending, now=deadline) == (Status.REJECTED, Status.CANCELLED)


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(timedelta(days=3), timedelta(hours=24)), (timedelta(hours=2), timedelta(hours=2))],
)
def test_the_deadline_to_confirm_is_the_start_at_the_latest(
    ahead: timedelta, expected: timedelta
) -> None:
    made_at = STARTS_AT - ahead

    assert approval_deadline(made_at, STARTS_AT, hours=24) == made_at + expected


@pytest.mark.parametrize(
    ("status", "deadline", "now", "expected"),
    [
        (Status.PENDING, LONG_BEFORE, LONG_BEFORE - SECOND, False),
        (Status.PENDING, LONG_BEFORE, LONG_BEFORE, True),
        # Stored without a deadline.
        (Status.PENDING, None, STARTS_AT - SECOND, False),
        (Status.PENDING, None, STARTS_AT, True),
        (Status.CONFIRMED, LONG_BEFORE, ENDS_AT, False),
        (Status.HELD, None, ENDS_AT, False),
        (Status.REJECTED, None, ENDS_AT, False),
    ],
)
def test_a_booking_is_left_unanswered(
    status: Status, deadline: datetime | None, now: datetime, expected: bool
) -> None:
    assert is_unanswered(status, deadline, STARTS_AT, now=now) is expected


@pytest.mark.parametrize(
    ("status", "minutes", "after_its_start", "expected"),
    [
        (Status.CONFIRMED, 10, timedelta(minutes=10) - SECOND, False),
        (Status.CONFIRMED, 10, timedelta(minutes=10), True),
        (Status.CONFIRMED, None, timedelta(days=9), False),
        (Status.CHECKED_IN, 10, timedelta(days=9), False),
        (Status.PENDING, 10, timedelta(days=9), False),
        (Status.CANCELLED, 10, timedelta(days=9), False),
    ],
)
def test_a_booking_is_left_unattended(
    status: Status, minutes: int | None, after_its_start: timedelta, expected: bool
) -> None:
    release_at = release_time(STARTS_AT, minutes)

    assert is_unattended(status, release_at, now=STARTS_AT + after_its_start) is expected


def test_a_hold_waits_for_confirmation_where_the_venue_asks_for_it() -> None:
    held = life(Status.HELD, requires_confirmation=True)

    assert allowed_transitions(held, now=LONG_BEFORE) == (Status.PENDING, Status.CANCELLED)


def test_a_hold_ends_at_its_very_second() -> None:
    expires_at = LONG_BEFORE + timedelta(minutes=5)

    assert effective_status(Status.HELD, expires_at, expires_at - SECOND) is Status.HELD
    assert effective_status(Status.HELD, expires_at, expires_at) is Status.EXPIRED
    assert effective_status(Status.CONFIRMED, expires_at, expires_at) is Status.CONFIRMED


def test_an_expired_hold_can_become_nothing() -> None:
    held = life(Status.HELD, hold_expires_at=LONG_BEFORE)

    assert allowed_transitions(held, now=LONG_BEFORE) == ()
    with pytest.raises(InvalidTransition) as refused:
        check_transition(held, Status.CANCELLED, now=LONG_BEFORE)
    assert refused.value.message == "The booking is expired and can't change any more."


@given(
    st.sampled_from(Status),
    st.sampled_from(Status),
    st.integers(-3000, 3000),
    st.none() | st.integers(-3000, 3000),
    st.booleans(),
)
def test_a_transition_succeeds_exactly_when_it_is_allowed(
    status: Status, wanted: Status, minutes: int, expires: int | None, requires_confirmation: bool
) -> None:
    now = STARTS_AT + timedelta(minutes=minutes)
    hold_expires_at = None if expires is None else STARTS_AT + timedelta(minutes=expires)
    booking = life(
        status, hold_expires_at=hold_expires_at, requires_confirmation=requires_confirmation
    )

    allowed = allowed_transitions(booking, now=now)

    # createBooking makes a booking of a hold.
    is_conversion = status is Status.HELD and wanted is not Status.CANCELLED
    if wanted in allowed and not is_conversion:
        check_transition(booking, wanted, now=now)
    else:
        with pytest.raises(InvalidTransition) as refused:
            check_transition(booking, wanted, now=now)
        assert refused.value.allowed == allowed
    assert status not in allowed
    assert Status.EXPIRED not in allowed


def test_a_refusal_says_what_the_booking_can_become() -> None:
    with pytest.raises(InvalidTransition) as refused:
        check_transition(life(Status.PENDING), Status.NO_SHOW, now=LONG_BEFORE)

    assert refused.value.message == (
        "The booking is pending; it can only become confirmed, rejected or cancelled."
    )


@pytest.mark.parametrize(
    ("wanted", "now", "message"),
    [
        (
            Status.CHECKED_IN,
            LONG_BEFORE,
            "Checking in opens at 19:45 on Friday 8 January 2027.",
        ),
        (Status.CHECKED_IN, ENDS_AT, "Checking in closes when the booking ends."),
        (
            Status.COMPLETED,
            LONG_BEFORE,
            "Check the booking in first, or complete it once its time is over.",
        ),
        (
            Status.NO_SHOW,
            LONG_BEFORE,
            "A booking can be marked as a no-show once it has started.",
        ),
        (
            Status.CANCELLED,
            ENDS_AT,
            "The booking's time is over: complete it or mark it as a no-show.",
        ),
    ],
)
def test_a_refusal_for_the_time_alone_says_what_to_wait_for(
    wanted: Status, now: datetime, message: str
) -> None:
    with pytest.raises(InvalidTransition) as refused:
        check_transition(life(Status.CONFIRMED), wanted, now=now)

    assert refused.value.message == message


@pytest.mark.parametrize(("minutes", "opens_at"), [(0, "20:00"), (90, "18:30")])
def test_a_venue_decides_when_checking_in_opens(minutes: int, opens_at: str) -> None:
    booking = life(Status.CONFIRMED, check_in_from_minutes=minutes)
    opens = STARTS_AT - timedelta(minutes=minutes)

    check_transition(booking, Status.CHECKED_IN, now=opens)
    with pytest.raises(CheckInNotOpen, match=opens_at) as refused:
        check_transition(booking, Status.CHECKED_IN, now=opens - SECOND)

    assert refused.value.opens_at == opens


def test_a_checked_in_booking_cannot_be_moved_but_can_be_edited() -> None:
    booking = life(Status.CHECKED_IN)

    check_status_in(booking, EDITABLE, now=STARTS_AT)
    with pytest.raises(InvalidTransition) as refused:
        check_status_in(booking, MOVABLE, now=STARTS_AT)

    assert refused.value.message == "The booking is checked in; it can only become completed."


def test_a_booking_keeps_its_time_while_it_is_alive() -> None:
    assert sorted(OCCUPYING) == ["checked_in", "confirmed", "held", "pending"]


@pytest.mark.parametrize(
    ("random", "text"),
    [
        (b"\x00\x00\x00\x00\x00", "0000-0000"),
        (b"\xff\xff\xff\xff\xff", "ZZZZ-ZZZZ"),
        (b"\x99\xee\x2a\x75\x0d", "K7Q2-MX8D"),
    ],
)
def test_a_reference_is_read_out_in_two_halves(random: bytes, text: str) -> None:
    assert reference(random) == text


@given(st.binary(min_size=5, max_size=5), st.binary(min_size=5, max_size=5))
def test_other_bytes_give_another_reference(one: bytes, other: bytes) -> None:
    assert (reference(one) == reference(other)) == (one == other)


@pytest.mark.parametrize(
    "typed", ["FEM0-1CGE", "fem01cge", " FEM0 1CGE ", "femo-ICGE", "F-E-M-O-l-C-G-E"]
)
def test_a_reference_is_known_however_it_is_typed(typed: str) -> None:
    assert reference_read(typed) == "FEM0-1CGE"


@pytest.mark.parametrize("typed", ["", "FEM0-1CG", "FEM0-1CGEE", "FEM0-1CGF"])
def test_what_is_no_such_reference_is_another(typed: str) -> None:
    assert reference_read(typed) != "FEM0-1CGE"


def test_a_reference_takes_five_bytes() -> None:
    with pytest.raises(ValueError, match="5 bytes"):
        reference(b"1234")
