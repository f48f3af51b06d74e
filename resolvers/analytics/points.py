"""The points of series, kept as they were last made and printed.

A dashboard asks for the same year again and again, and a booking changes one of its dates.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Final
from uuid import UUID

from domain.analytics.metrics import BookingMetrics
from domain.analytics.periods import Granularity
from kit.graphql.value_runs import Columns, Run, ValueRuns

STRETCH: Final = 32
"""So many points are made and printed together."""
MOST_POINTS: Final = 16_384
"""So many are kept of all venues together."""


@dataclass(frozen=True, slots=True)
class MetricsPoint:
    """The figures of a part of a span; ``hour`` is set for single hours."""

    day: date
    until: date
    hour: int | None
    metrics: BookingMetrics


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive points, and what they were made from."""

    made_from: object
    points: Sequence[MetricsPoint]
    columns: Columns


@dataclass(frozen=True, slots=True)
class PointRuns(ValueRuns):
    """The points of a series, in order."""

    stretches: Sequence[Stretch]

    def __iter__(self) -> Iterator[MetricsPoint]:
        return chain.from_iterable(each.points for each in self.stretches)

    def runs(self, _: Collection[str]) -> Iterator[Run]:
        for each in self.stretches:
            yield Run(each.points[0], each.columns, [range(len(each.points))])


@dataclass(frozen=True, slots=True)
class StretchKey:
    """Which points a stretch has: those of a granularity between two dates."""

    tenant_id: UUID
    granularity: Granularity
    from_: date
    until: date


class KeptPoints:
    """The stretches that were asked for last."""

    def __init__(self, most_points: int = MOST_POINTS) -> None:
        self._kept: OrderedDict[StretchKey, Stretch] = OrderedDict()
        self._most, self._number = most_points, 0

    def of(
        self, key: StretchKey, made_from: object, make: Callable[[], Sequence[MetricsPoint]]
    ) -> Stretch:
        """Returns the points of a stretch, made anew if they were made from something else."""
        found = self._kept.pop(key, None)
        if found is not None and found.made_from != made_from:
            self._number -= len(found.points)
            found = None
        if found is None:
            points = make()
            found = Stretch(
                made_from,
                points,
                Columns(
                    day=[each.day for each in points],
                    until=[each.until for each in points],
                    metrics=[each.metrics for each in points],
                ),
            )
            self._number += len(points)
        self._kept[key] = found
        while self._number > self._most:
            _, dropped = self._kept.popitem(last=False)
            self._number -= len(dropped.points)
        return found
