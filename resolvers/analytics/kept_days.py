"""The details of dates that this process was last asked for, with which transaction made them.

A year of a large venue has megabytes of them, and a booking changes those of one date.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from domain.analytics.day_figures import median, returning_customers, unpacked
from domain.analytics.spans import DateSpan
from kit.scope import Scope
from models.analytics.span_figures import DETAILS

MOST_BYTES: Final = 32 * 2**20
"""So much is kept of all venues together."""
MOST_PARTS: Final = 2_000
"""Of so many parts of spans a venue's results are kept."""


@dataclass(frozen=True, slots=True)
class DayDetails:
    """What can't be added up of a date, in order, and its hours, as they were stored."""

    version: int
    leads: Sequence[int]
    gaps: Sequence[int]
    hours: bytes
    size: int


@dataclass(frozen=True, slots=True)
class PartDetails:
    """The median lead time and the returning customers of a part of a span."""

    versions: Sequence[int]
    lead_median: int | None
    returning: int


_Parts = dict[DateSpan, PartDetails]


@dataclass(frozen=True, slots=True)
class SpanDetails:
    """The details of the dates of a span, as a reader's snapshot has them."""

    days: Mapping[date, DayDetails] = field(default_factory=dict)
    _parts: _Parts = field(default_factory=dict)

    def of_part(self, part: DateSpan, days: Sequence[date]) -> PartDetails:
        """Returns the results of some dates, all those of a part that have figures."""
        details = [self.days[day] for day in days]
        versions = [each.version for each in details]
        found = self._parts.get(part)
        if found is None or found.versions != versions:
            if len(self._parts) >= MOST_PARTS:
                self._parts.clear()
            gaps = {day: each.gaps for day, each in zip(days, details, strict=True)}
            found = self._parts[part] = PartDetails(
                versions,
                median([each.leads for each in details]),
                returning_customers(part.from_, gaps),
            )
        return found


@dataclass(slots=True)
class _Venue:
    days: dict[date, DayDetails] = field(default_factory=dict)
    parts: _Parts = field(default_factory=dict)
    size: int = 0


class KeptDays:
    """The details of the venues that were asked for last."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._venues: OrderedDict[UUID, _Venue] = OrderedDict()
        self._most, self._size = most_bytes, 0

    async def of(self, scope: Scope, versions: Mapping[date, int]) -> SpanDetails:
        """Returns the details of the caller's dates, given the versions that its snapshot has."""
        venue = self._venues.get(scope.tenant_id)
        known = venue.days if venue else {}
        days = {
            day: found
            for day, version in versions.items()
            if (found := known.get(day)) is not None and found.version == version
        }
        outdated = [day for day in versions if day not in days]
        if outdated:
            rows = await scope.fetch_prepared(DETAILS, tenant_id=scope.tenant_id, dates=outdated)
            made = {row["date"]: _details(versions[row["date"]], row) for row in rows}
            days |= made
            self._keep(scope.tenant_id, made)
        venue = self._venues.get(scope.tenant_id)
        if venue is None:
            return SpanDetails(days)
        self._venues.move_to_end(scope.tenant_id)
        return SpanDetails(days, venue.parts)

    def _keep(self, tenant_id: UUID, made: Mapping[date, DayDetails]) -> None:
        venue = self._venues.setdefault(tenant_id, _Venue())
        for day, details in made.items():
            before = venue.days.get(day)
            added = details.size - (before.size if before else 0)
            venue.days[day] = details
            venue.size += added
            self._size += added
        self._venues.move_to_end(tenant_id)
        while self._size > self._most:
            _, dropped = self._venues.popitem(last=False)
            self._size -= dropped.size


def _details(version: int, row: Mapping[str, bytes]) -> DayDetails:
    return DayDetails(
        version,
        unpacked("i", row["leads"]),
        unpacked("i", row["gaps"]),
        row["hours"],
        sum(len(row[name]) for name in ("leads", "gaps", "hours")),
    )
