"""Several lists in one statement, made once: each list comes back as JSON, in one round trip."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Select, Text, cast, func, literal, select

from kit.prepared import Prepared

_READERS: Final[dict[type, Callable[[str], Any]]] = {
    UUID: UUID,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
}


class Bundle:
    """Statements that select plain columns, with bound parameters in the place of values."""

    def __init__(self, *statements: Any) -> None:
        parts = [_as_json(each, f"part{n}") for n, each in enumerate(statements)]
        self.statement = Prepared(select(*parts))
        self._readers = [_readers(each) for each in statements]

    def read(self, row: Sequence[str]) -> list[list[Any]]:
        """The rows of each statement, their columns as attributes."""
        return [_rows(text, readers) for text, readers in zip(row, self._readers, strict=True)]


def _as_json(statement: Select[Any], name: str) -> Any:
    rows = statement.subquery(name)
    listed = cast(func.json_agg(rows.table_valued()), Text)
    return select(func.coalesce(listed, literal("[]", Text))).select_from(rows).scalar_subquery()


def _readers(statement: Select[Any]) -> dict[str, Callable[[str], Any]]:
    return {
        str(column.key): _READERS[kind]
        for column in statement.selected_columns
        if (kind := _python_type(column)) in _READERS
    }


def _python_type(column: Any) -> type:
    try:
        kind: type = column.type.python_type
    except NotImplementedError:
        return object
    return kind


def _rows(text: str, readers: dict[str, Callable[[str], Any]]) -> list[Any]:
    found = orjson.loads(text)
    for row in found:
        for key, read in readers.items():
            if row[key] is not None:
                row[key] = read(row[key])
    return [SimpleNamespace(**row) for row in found]
