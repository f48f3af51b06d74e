"""Who counts as looking at a day, by what processes say."""

from datetime import date
from typing import Final
from uuid import UUID

from domain.notifications.presence import (
    MAX_ROOMS,
    Day,
    OthersCount,
    PresenceBoard,
    Sighting,
)

VENUE: Final = UUID(int=1)
DAY: Final = Day(VENUE, date(2027, 3, 2))
FIRST, SECOND = UUID(int=11), UUID(int=12)
BOTH: Final = frozenset({FIRST, SECOND})


def board() -> PresenceBoard:
    return PresenceBoard(ttl_seconds=30)


def seen_by(process: str, viewer: str, *rooms: UUID, day: Day = DAY) -> tuple[str, Sighting]:
    return process, Sighting(day, viewer, frozenset(rooms))


def test_nobody_counts_for_themselves() -> None:
    presence = board()
    presence.enter(DAY, "ann", frozenset({FIRST}))

    assert presence.others(DAY, "ann", None) == OthersCount(0, {})
    assert presence.others(DAY, "bob", None) == OthersCount(1, {FIRST: 1})


def test_a_viewer_counts_once_on_all_devices_and_processes() -> None:
    presence = board()
    presence.enter(DAY, "ann", frozenset({FIRST}))
    presence.enter(DAY, "ann", frozenset({SECOND}))
    presence.hear(*seen_by("other", "ann", FIRST), now=0)

    assert presence.others(DAY, "bob", BOTH) == OthersCount(1, {FIRST: 1, SECOND: 1})


def test_who_looks_at_all_rooms_counts_for_each() -> None:
    presence = board()
    presence.enter(DAY, "ann", None)
    presence.enter(DAY, "bob", frozenset({FIRST}))

    assert presence.others(DAY, "eve", BOTH) == OthersCount(2, {FIRST: 2, SECOND: 1})
    assert presence.others(DAY, "eve", frozenset({SECOND})) == OthersCount(1, {SECOND: 1})
    assert presence.others(DAY, "eve", None) == OthersCount(2, {FIRST: 2})


def test_other_days_and_venues_are_apart() -> None:
    presence = board()
    presence.enter(Day(VENUE, date(2027, 3, 3)), "ann", None)
    presence.enter(Day(UUID(int=2), DAY.date), "bob", None)

    assert presence.others(DAY, "eve", None) == OthersCount(0, {})


def test_who_leaves_is_gone_when_they_have_left_everywhere() -> None:
    presence = board()
    presence.enter(DAY, "ann", frozenset({FIRST}))
    presence.enter(DAY, "ann", frozenset({FIRST}))

    still = presence.leave(DAY, "ann", frozenset({FIRST}))
    gone = presence.leave(DAY, "ann", frozenset({FIRST}))

    assert (still.rooms, gone.rooms) == (frozenset({FIRST}), frozenset())
    assert presence.sightings() == []
    assert presence.others(DAY, "eve", None) == OthersCount(0, {})


def test_what_a_process_no_longer_says_is_forgotten() -> None:
    presence = board()
    presence.hear(*seen_by("other", "ann", FIRST), now=0)
    presence.hear(*seen_by("other", "ann", FIRST), now=10)

    assert presence.expire(39.9) == set()
    assert presence.others(DAY, "eve", None).others == 1
    assert presence.expire(40) == {DAY}
    assert presence.others(DAY, "eve", None).others == 0


def test_only_news_change_the_counts() -> None:
    presence = board()

    assert presence.hear(*seen_by("other", "ann", FIRST), now=0)
    assert not presence.hear(*seen_by("other", "ann", FIRST), now=10)
    assert presence.hear(*seen_by("other", "ann", SECOND), now=10)
    assert presence.hear(*seen_by("other", "ann"), now=11)
    assert not presence.hear(*seen_by("other", "ann"), now=12)


def test_very_many_rooms_are_all_rooms() -> None:
    presence = board()

    many = presence.enter(DAY, "ann", frozenset(_ids(MAX_ROOMS + 1)))

    assert many.rooms is None


def _ids(number: int) -> list[UUID]:
    return [UUID(int=each) for each in range(number)]
