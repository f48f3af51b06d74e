"""Finds the IANA zone that a calendar program means by a name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

from domain.core.local_time import TimeZone, zone, zone_names


@dataclass(frozen=True, slots=True)
class ForeignZone:
    """What a file's own name of a time zone means."""

    tzid: str
    time_zone: TimeZone


class KnownZones:
    """Finds zones by name: as the importer says, by IANA, by Windows, or inside of a longer name.

    Calendar programs put names such as '/mozilla.org/20050126_1/Europe/Berlin' around IANA's.
    """

    def __init__(self, given: Sequence[ForeignZone] = ()) -> None:
        self._given = {each.tzid: each.time_zone for each in given}

    def find(self, name: str) -> ZoneInfo | None:
        """Returns the zone; None if nobody knows what is meant."""
        bare = name.strip().strip('"')
        known = self._given.get(bare) or _iana(bare) or _windows().get(bare)
        return zone(known) if known else None


def _iana(name: str) -> str | None:
    parts = name.strip("/").split("/")
    for first in range(len(parts)):
        tail = "/".join(parts[first:])
        # A single word at the end of a path, such as "GMT", may be anything.
        if tail in zone_names() and (first == 0 or "/" in tail):
            return tail
    return None


@cache
def _windows() -> Mapping[str, str]:
    # CLDR's windowsZones, with the zone of each name's first territory.
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {name: iana for name, iana in WINDOWS_TO_OLSON.items() if iana in zone_names()}
