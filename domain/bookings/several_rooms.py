"""Several rooms in one booking: all of them or none, for a party as large as they hold together."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Final

from domain.bookings.pricing import Price, PriceLine, PriceUnit
from domain.bookings.refusals import Reason, SlotTaken, SlotUnavailable
from domain.bookings.slot_facts import RoomFacts
from domain.bookings.slots import RoomSlots, Slot
from domain.bookings.start_grid import places
from domain.core.formatting import counted
from domain.core.ids import RoomId
from domain.core.money import Money
from domain.core.refusals import Code, Invalid, LimitReached, Path, Refusal

MOST_ROOMS: Final = 20


def together(rooms: Sequence[RoomFacts], party_size: int) -> list[RoomFacts]:
    """Returns the facts by which each of the rooms is decided about.

    All have the largest buffers, because the booking has one time for all of them. Their capacity
    is decided about by ``party_refusals``.
    """
    before = max(room.buffer_before_minutes for room in rooms)
    after = max(room.buffer_after_minutes for room in rooms)
    has_all = all(room.moving is not None for room in rooms)
    return [
        replace(
            room,
            capacity=party_size,
            buffer_before_minutes=before,
            buffer_after_minutes=after,
            # Where not all time is its own, a booking gets all of it anew.
            moving=room.moving if has_all else None,
        )
        for room in rooms
    ]


def party_refusals(party_size: int, capacity: int) -> list[Refusal]:
    """Returns what refuses a party by what the rooms hold together."""
    if party_size <= capacity:
        return []
    reason = Reason(
        Code.CAPACITY_EXCEEDED,
        message=f"These rooms hold at most {counted(capacity, 'guest')} together.",
        rule={"capacity": capacity},
    )
    return [SlotUnavailable(reason.code, (reason,), path=("party_size",))]


def alternatives_together(rooms: Sequence[RoomSlots], start: datetime, *, first: int) -> list[Slot]:
    """Returns the ``first`` slots, by distance from a start, at which all of the rooms are free.

    They are slots of the first room, with the price of all. At equal distance the earlier comes
    first.
    """
    starts, wish = rooms[0].search.grid.starts, rooms[0].search.wish
    free = places(reduce(and_, (each.listed for each in rooms)))
    nearest = sorted(free, key=lambda place: abs(starts[place] - start))[:first]
    found = [rooms[0].slot(place, priced=False) for place in nearest]
    prices = [summed(each.room.price(slot.interval, wish) for each in rooms) for slot in found]
    return [
        replace(slot, price=price.total if price else None)
        for slot, price in zip(found, prices, strict=True)
    ]


def of_all(refusals: Sequence[Sequence[Refusal]], *, together: tuple[RoomId, ...]) -> list[Refusal]:
    """Returns the refusals of all rooms, of which each list is one's; those of the venue once."""
    found: dict[tuple[Code, str], Refusal] = {}
    for number, of_room in enumerate(refusals):
        for each in of_room:
            if isinstance(each, SlotTaken):
                each.together = together
            if number > 0 and each.path == ("room_id",):
                each.path = ("also_room_ids", number - 1)
            found.setdefault((each.code, each.message), each)
    return [*found.values()]


def summed(prices: Iterable[Price | None]) -> Price | None:
    """Returns the price of all rooms, line by line; None if none has one.

    The minimum charge is that of a booking, whatever its rooms. What is charged once for a booking
    or a person is charged with the first of the rooms for which it is.
    """
    found = [price for price in prices if price is not None]
    if len(found) < 2:
        return found[0] if found else None
    lines, charged = list[PriceLine](), set[object]()
    for price in found:
        of_room = [line for line in price.lines if line.unit is not None]
        lines += [_free(line) if _once(line) in charged else line for line in of_room]
        charged |= {_once(line) for line in of_room if line.unit is not PriceUnit.HOUR}
    return Price.of(
        lines,
        taxes_included=any(price.taxes_included for price in found),
        minimum=found[0].minimum,
    )


def _once(line: PriceLine) -> object:
    """Returns what tells apart the lines that are charged once."""
    return line.unit, line.label, line.each or line.amount


def _free(line: PriceLine) -> PriceLine:
    return replace(line, amount=Money(0, line.amount.currency_code), each=None)


def choice_refusals(
    spaces: Sequence[Sequence[object]], *, path: Path | None = None
) -> list[Refusal]:
    """Returns what refuses rooms as those of one booking; ``spaces`` are those of each room.

    ``path`` leads to the first room, if that is the one that was chosen last.
    """
    if len(spaces) > MOST_ROOMS:
        return [LimitReached("rooms", MOST_ROOMS, len(spaces), path=("also_room_ids",))]
    taken, refused = set[object](), list[Refusal]()
    for number, each in enumerate(spaces):
        if not taken.isdisjoint(each):
            problem = "This room is chosen twice, or shares its time with another one."
            refused.append(Invalid(problem, path=path or ("also_room_ids", number - 1)))
        taken.update(each)
    return refused
