"""How runs of objects are printed: what they have in common once, and columns as they are kept."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, Generic, Protocol, TypeVar

from kit.graphql.value_runs import Columns


class Part(Protocol):
    """A selected field; fields of the same ``shape`` print equal values alike."""

    @property
    def attribute(self) -> str | None: ...
    @property
    def shape(self) -> Hashable: ...
    def all_printed(self, values: Sequence[Any], /) -> list[bytes]: ...


P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class RunLayout(Generic[P]):
    """How objects are printed whose columns these are.

    ``commons`` are the fields before, between and after the columns, with what stands around them.
    """

    of: Columns
    commons: list[tuple[bytes, list[P], bytes]]
    columns: list[list[bytes]]

    @classmethod
    def made(cls, of: Columns, parts: Sequence[P]) -> "RunLayout[P]":
        commons, columns = list[tuple[bytes, list[P], bytes]](), list[list[bytes]]()
        before, between = b"{", list[P]()
        in_columns = groupby(parts, lambda part: part.attribute in of.values)
        for varies, found in in_columns:
            if not varies:
                between = [*found]
                continue
            commons.append((before, between, b"," if between else b""))
            columns.append(_column(of, [*found]))
            before, between = b",", []
        # After the last column there is a comma only if a field follows.
        before = before if between or not columns else b""
        return cls(of, [*commons, (before, between, b"}")], columns)


def _column(columns: Columns, parts: Sequence[Part]) -> list[bytes]:
    """Returns what is printed of fields that stand together, for each place of their columns."""

    def print_all() -> list[bytes]:
        texts = [part.all_printed(columns.values[str(part.attribute)]) for part in parts]
        return [b",".join(each) for each in zip(*texts, strict=True)]

    return columns.texts(tuple(part.shape for part in parts), print_all)


def printed_run(commons: list[bytes], columns: list[list[bytes]], places: Sequence[range]) -> bytes:
    """Prints objects that have these commons around their places of the columns."""
    if not columns:
        return b",".join(commons * sum(map(len, places)))
    head, *between, tail = commons
    texts, *others = (
        [*chain.from_iterable([column[run.start : run.stop] for run in places])]
        for column in columns
    )
    for common, column in zip(between, others, strict=True):
        texts = [before + common + after for before, after in zip(texts, column, strict=True)]
    return head + (tail + b"," + head).join(texts) + tail
