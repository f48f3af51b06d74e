"""When a customer can move a booking, to the second."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.refusals import ChangeTooLate
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.payments.cancellation import CancellationStep
from domain.payments.moves import Agreed, ChangeRules, Place, changeable_until, check_change
from kit.ids import new_id

# 23:30 in Berlin, half an hour before its next day.
START = datetime(2027, 3, 5, 22, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
STEPS = (CancellationStep(24 * 60, 100), CancellationStep(120, 50))
NEVER_FREE = (CancellationStep(120, 50),)
ROOM, OTHER_ROOM = RoomId(new_id()), RoomId(new_id())


def rules(minutes_before: int | None = None, *, reconfirms: bool = False) -> ChangeRules:
    return ChangeRules(ZoneInfo("Europe/Berlin"), minutes_before, reconfirms=reconfirms)


def agreed(
    steps: tuple[CancellationStep, ...] = STEPS,
    *,
    start: datetime = START,
    is_confirmed: bool = True,
) -> Agreed:
    return Agreed(steps, start, is_confirmed=is_confirmed)


def place(start: datetime = START, *, hours: int = 1, room: RoomId = ROOM) -> Place:
    return Place(room, Interval(start, start + hours * HOUR))


@pytest.mark.parametrize(
    ("venue", "terms", "until"),
    [
        (rules(), agreed(), START - DAY),
        (rules(), agreed(start=START - DAY), START - 2 * DAY),
        (rules(), agreed(()), START),
        (rules(), agreed(NEVER_FREE), None),
        (rules(), agreed(NEVER_FREE, is_confirmed=False), START),
        (rules(60), agreed(), START - HOUR),
        (rules(60), agreed(NEVER_FREE), START - HOUR),
        (rules(3 * 24 * 60), agreed(), START - 3 * DAY),
    ],
)
def test_until_when_a_booking_can_be_moved(
    venue: ChangeRules, terms: Agreed, until: datetime | None
) -> None:
    assert changeable_until(venue, terms, START) == until


@pytest.mark.parametrize(
    ("goal", "is_late"),
    [
        (place(START - HOUR), False),
        (place(START + HOUR), True),
        (place(START, hours=2), True),
        (place(START, room=OTHER_ROOM), True),
    ],
)
def test_what_needs_the_venue_again_is_moved_only_while_cancelling_is_free(
    goal: Place, *, is_late: bool
) -> None:
    venue, now = rules(60, reconfirms=True), START - 3 * HOUR

    if is_late:
        with pytest.raises(ChangeTooLate) as refused:
            check_change(venue, agreed(), place(), goal, now=now)
        assert refused.value.until == START - DAY
    else:
        check_change(venue, agreed(), place(), goal, now=now)
    check_change(venue, agreed(), place(), goal, now=START - DAY)


def test_what_has_begun_is_not_moved() -> None:
    with pytest.raises(ChangeTooLate):
        check_change(rules(0), agreed(), place(), place(START + DAY), now=START)
