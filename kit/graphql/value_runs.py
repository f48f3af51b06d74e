"""Lists whose values come in runs, alike but for a few attributes: printed without making each."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

SELECTIONS: Final = 8
"""For so many selections the printed texts of columns are kept."""


class Columns:
    """Attributes of which runs take stretches: the nth value has the nth of each."""

    def __init__(self, **values: Sequence[Any]) -> None:
        self.values: Mapping[str, Sequence[Any]] = values
        self._texts: dict[Hashable, list[bytes]] = {}

    def texts(self, selected: Hashable, print_all: Callable[[], list[bytes]]) -> list[bytes]:
        """Returns what is printed of each value for a selection, printing it the first time."""
        texts = self._texts.get(selected)
        if texts is None:
            if len(self._texts) == SELECTIONS:
                self._texts.clear()
            texts = self._texts[selected] = print_all()
        return texts


@dataclass(frozen=True, slots=True)
class Run:
    """Values that have the attributes of ``like``, and others at these places of the columns.

    Runs with the same ``like`` are alike.
    """

    like: object
    columns: Columns
    places: Sequence[range]


class ValueRuns(Iterable[Any]):
    """A list that can tell its values run by run."""

    @abstractmethod
    def runs(self, attributes: Collection[str]) -> Iterator[Run]:
        """Yields the values in order, as runs in which these attributes differ in columns only."""
