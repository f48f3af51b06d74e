"""Rooms that consist of other rooms: which parts they can have, and of which spaces they are.

A room without parts is one space. A hall of two halves is the spaces of both, so a booking of the
hall blocks each half, and one of a half the hall.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from domain.core.refusals import Invalid, LimitReached, Path, Refusal

Id = TypeVar("Id")

Parts = Mapping[Id, Sequence[Id]]
"""The parts of rooms; those that aren't in it have none."""

MOST_LEVELS: Final = 3
MOST_PARTS: Final = 20
MOST_WHOLES: Final = 20
"""The most rooms that one can be a part of."""
MOST_SPACES: Final = 100


def spaces_of(room_id: Id, parts: Parts[Id]) -> list[Id]:
    """Returns the rooms without parts that a room consists of, in order; itself if it has none."""
    found: dict[Id, None] = {}
    for part in parts.get(room_id, ()):
        found.update(dict.fromkeys(spaces_of(part, parts)))
    return sorted(found) if found else [room_id]  # type: ignore[type-var]


def with_all_above(room_id: Id, parts: Parts[Id]) -> set[Id]:
    """Returns a room and all rooms that it is a part of, directly or not."""
    found, added = {room_id}, {room_id}
    while added:
        added = {id for id, its in parts.items() if not added.isdisjoint(its)} - found
        found |= added
    return found


def part_refusals(
    room_id: Id, part_ids: Sequence[Id], parts: Parts[Id], *, path: Path
) -> list[Refusal]:
    """Returns what refuses new parts of a room, each at its place in ``path``."""
    if len(part_ids) > MOST_PARTS:
        return [LimitReached("parts", MOST_PARTS, len(part_ids), path=path)]
    refused = [
        Invalid(problem, path=(*path, number))
        for number, id in enumerate(part_ids)
        for problem in _problems(room_id, id, part_ids[:number], parts)
    ]
    if refused:
        return [*refused]
    changed = {**parts, room_id: part_ids}
    return [*_too_many_wholes(part_ids, changed, path), *_too_large(room_id, changed, path)]


def _problems(room_id: Id, part_id: Id, before: Sequence[Id], parts: Parts[Id]) -> Iterator[str]:
    if part_id == room_id:
        yield "A room can't be a part of itself."
    elif part_id in with_all_above(room_id, parts):
        yield "This room consists of the one whose part it would be."
    if part_id in before:
        yield "This room is listed twice."


def _too_many_wholes(part_ids: Sequence[Id], parts: Parts[Id], path: Path) -> Iterator[Refusal]:
    for number, id in enumerate(part_ids):
        wholes = sum(id in its for its in parts.values())
        if wholes > MOST_WHOLES:
            what = "rooms that one is a part of"
            yield LimitReached(what, MOST_WHOLES, wholes, path=(*path, number))


def _too_large(room_id: Id, parts: Parts[Id], path: Path) -> Iterator[Refusal]:
    levels = _height(room_id, parts) + _depth(room_id, parts) - 1
    if levels > MOST_LEVELS:
        hint = f"Rooms can be divided into parts of parts: {MOST_LEVELS} levels, not {levels}."
        yield LimitReached("levels", MOST_LEVELS, levels, hint=hint, path=path)
    spaces = max(len(spaces_of(each, parts)) for each in with_all_above(room_id, parts))
    if spaces > MOST_SPACES:
        yield LimitReached("undivided parts of one room", MOST_SPACES, spaces, path=path)


def _height(room_id: Id, parts: Parts[Id]) -> int:
    return 1 + max((_height(each, parts) for each in parts.get(room_id, ())), default=0)


def _depth(room_id: Id, parts: Parts[Id]) -> int:
    above = (id for id, its in parts.items() if room_id in its)
    return 1 + max((_depth(each, parts) for each in above), default=0)
