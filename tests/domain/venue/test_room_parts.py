"""Rooms that consist of others: their spaces, and which parts they can't have."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.refusals import Invalid, LimitReached
from domain.venue.room_parts import (
    MOST_LEVELS,
    MOST_PARTS,
    MOST_SPACES,
    MOST_WHOLES,
    part_refusals,
    spaces_of,
    with_all_above,
)

# A centre of a hall and a studio; the hall has two halves, of which one has two quarters.
HALL: Final[Mapping[str, Sequence[str]]] = {
    "hall": ["left", "right"],
    "right": ["north", "south"],
    "corner": ["left", "north"],
}


@pytest.mark.parametrize(
    ("room", "spaces"),
    [
        ("hall", ["left", "north", "south"]),
        ("right", ["north", "south"]),
        ("corner", ["left", "north"]),
        ("left", ["left"]),
        ("studio", ["studio"]),
    ],
    ids=str,
)
def test_a_room_is_the_spaces_of_all_its_parts(room: str, spaces: list[str]) -> None:
    assert spaces_of(room, HALL) == spaces


@pytest.mark.parametrize(
    ("room", "above"),
    [("north", ["corner", "hall", "north", "right"]), ("hall", ["hall"]), ("studio", ["studio"])],
    ids=str,
)
def test_a_change_concerns_all_rooms_above(room: str, above: list[str]) -> None:
    assert sorted(with_all_above(room, HALL)) == above


@pytest.mark.parametrize(
    ("room", "parts", "problems"),
    [
        ("hall", ["hall"], {0: "A room can't be a part of itself."}),
        ("studio", ["left", "left"], {1: "This room is listed twice."}),
        ("right", ["hall"], {0: "This room consists of the one whose part it would be."}),
        ("north", ["studio", "hall"], {1: "This room consists of the one whose part it would be."}),
        ("studio", ["left", "south"], {}),
        ("hall", [], {}),
        ("right", ["south"], {}),
    ],
    ids=str,
)
def test_no_room_is_a_part_of_itself(room: str, parts: list[str], problems: dict[int, str]) -> None:
    refused = part_refusals(room, parts, HALL, path=("part_ids",))

    assert {each.path: str(each) for each in refused} == {
        ("part_ids", number): problem for number, problem in problems.items()
    }
    assert all(isinstance(each, Invalid) for each in refused)


@pytest.mark.parametrize(
    ("room", "parts", "levels"),
    [("north", ["studio"], 4), ("house", ["hall"], 4), ("left", ["corner2"], 3)],
    ids=str,
)
def test_rooms_have_three_levels(room: str, parts: list[str], levels: int) -> None:
    refused = part_refusals(room, parts, HALL, path=())

    assert [(each.limit, each.used) for each in refused if isinstance(each, LimitReached)] == (
        [(MOST_LEVELS, levels)] if levels > MOST_LEVELS else []
    )


def test_the_numbers_of_parts_wholes_and_spaces_are_limited() -> None:
    def refused(room: int, parts: Sequence[int], others: Mapping[int, Sequence[int]]) -> list[int]:
        found = part_refusals(room, parts, others, path=())
        return [each.limit for each in found if isinstance(each, LimitReached)]

    many = {n: range(100 * n, 100 * n + MOST_PARTS) for n in range(1, 7)}
    wholes = {-n: [0, -1000 - n] for n in range(1, MOST_WHOLES + 1)}

    assert refused(0, range(1, MOST_PARTS + 2), {}) == [MOST_PARTS]
    assert refused(0, range(1, MOST_PARTS + 1), {}) == []
    assert refused(0, [1, 2, 3, 4, 5], many) == []
    assert refused(0, [1, 2, 3, 4, 5, 6], many) == [MOST_SPACES]
    assert refused(1, [0, 2], wholes) == [MOST_WHOLES]
    assert refused(-1, [0, 2], wholes) == []


@st.composite
def trees(draw: st.DrawFn) -> dict[int, list[int]]:
    """Draws what was allowed of some changes, one after the other, of ten rooms."""
    parts: dict[int, list[int]] = {}
    for _ in range(draw(st.integers(0, 12))):
        room = draw(st.integers(0, 9))
        wanted = draw(st.lists(st.integers(0, 9), max_size=4))
        if not part_refusals(room, wanted, parts, path=()):
            parts[room] = wanted
    return parts


@given(trees())
def test_whatever_is_allowed_a_room_blocks_all_above_and_below_it(
    parts: dict[int, list[int]],
) -> None:
    spaces = {room: set(spaces_of(room, parts)) for room in range(10)}

    for room in range(10):
        assert all(not parts.get(space) for space in spaces[room])
        for above in with_all_above(room, parts):
            assert spaces[room] <= spaces[above]
