"""Reads every clock change of a zone from the pinned `tzdata` package, for use in SQL.

PostgreSQL has a time-zone database of its own, of another release on every machine.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from io import BytesIO
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import tzdata

from domain.core.local_time import zone

RELEASE: Final[str] = tzdata.IANA_VERSION
"""The release of the time-zone database that is used for all wall clocks, such as '2026f'."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = int(datetime(2201, 1, 1, tzinfo=UTC).timestamp())
# Two changes by a rule are further apart than this; all other changes are listed in the file.
_STEP: Final = 28 * 24 * 60 * 60
# RFC 9636, section 3.1: the magic and the version, 15 spare bytes, and six counts.
_HEADER: Final = struct.Struct(">4sc15x6l")


@dataclass(frozen=True, slots=True)
class ZoneClock:
    """The offsets of a zone from UTC, from 1970 to 2200.

    ``offsets`` are text, '+01:00', and one more than ``changes``: the first applies before the
    first change, each other one from its change on.
    """

    changes: tuple[datetime, ...]
    offsets: tuple[str, ...]


def zone_clocks(names: Iterable[str]) -> dict[str, ZoneClock]:
    """Returns the clocks of IANA zones by name. Raises Invalid."""
    # Most names are aliases of a zone, with the same file.
    made: dict[bytes, ZoneClock] = {}
    clocks = {}
    for name in names:
        data = _file(name)
        if data not in made:
            made[data] = _clock(data, zone(name))
        clocks[name] = made[data]
    return clocks


def yearly_rule(name: str) -> str:
    """Returns the rule of a zone's changes after the last listed one, as POSIX writes it in TZ.

    Such as 'EST5EDT,M3.2.0,M11.1.0'; a zone whose clock doesn't change any more has no comma in it.
    """
    return _read(_file(name))[1]


def _file(name: str) -> bytes:
    return files(tzdata).joinpath("zoneinfo", *name.split("/")).read_bytes()


def _clock(data: bytes, zone: ZoneInfo) -> ZoneClock:
    changes, offsets = [], [_offset(zone, 0)]
    for second in _candidates(data):
        offset = _offset(zone, second)
        if offset != offsets[-1]:
            offsets.append(offset)
            changes.append(_EPOCH + timedelta(seconds=second))
    return ZoneClock(tuple(changes), tuple(_printed(offset) for offset in offsets))


def _candidates(data: bytes) -> Iterator[int]:
    """Yields seconds since 1970, in order, that include every clock change."""
    listed, rule = _read(data)
    yield from (second for second in listed if second > 0)
    if "," in rule:
        last = max(0, *listed[-1:])
        yield from (second for second in _changes_by(rule) if second > last)


@cache
def _changes_by(rule: str) -> tuple[int, ...]:
    """Returns the seconds since 1970 of a rule's changes; a hundred zones share thirty rules."""
    zone = ZoneInfo.from_file(BytesIO(_file_of(rule)))
    steps = range(0, _LAST, _STEP)
    offsets = [_offset(zone, second) for second in steps]
    return tuple(
        _change_between(steps[n], steps[n + 1], zone)
        for n, (before, after) in enumerate(pairwise(offsets))
        if before != after
    )


def _file_of(rule: str) -> bytes:
    """Returns a zone file that lists no changes and has one rule for all time."""
    block = _HEADER.pack(b"TZif", b"2", 0, 0, 0, 0, 1, 4) + b"\0\0\0\0\0\0UTC\0"
    return block + block + b"\n" + rule.encode() + b"\n"


def _read(data: bytes) -> tuple[tuple[int, ...], str]:
    """Returns the changes that a zone file lists (RFC 9636), and the rule for later ones."""
    # The block with 64-bit times follows one with 32-bit times.
    *_, isut, isstd, leaps, times, types, letters = _HEADER.unpack_from(data)
    start = _HEADER.size + times * 5 + types * 6 + letters + leaps * 8 + isstd + isut
    times = _HEADER.unpack_from(data, start)[5]
    listed = struct.unpack_from(f">{times}q", data, start + _HEADER.size)
    return listed, data.rsplit(b"\n", 2)[1].decode()


def _change_between(early: int, late: int, zone: ZoneInfo) -> int:
    """Returns the first second with the offset of ``late``, with one change between the two."""
    offset = _offset(zone, late)
    # By hours first, which the steps are made of: nearly all changes are at one.
    for unit in (60 * 60, 1):
        while late - early > unit:
            middle = early + (late - early) // unit // 2 * unit
            if _offset(zone, middle) == offset:
                late = middle
            else:
                early = middle
        if _offset(zone, late - 1) != offset:
            break
    return late


def _offset(zone: ZoneInfo, second: int) -> timedelta:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    assert offset is not None
    return offset


@cache
def _printed(offset: timedelta) -> str:
    minutes, seconds = divmod(abs(int(offset.total_seconds())), 60)
    sign = "-" if offset < timedelta() else "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
