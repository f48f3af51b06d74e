"""Runs several SELECTs as one statement: each result comes back as JSON, in one round trip."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Select, Text, Uuid, bindparam, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, Range

from kit.postgres.detached_rows import detached_row
from kit.postgres.statements import PreparedStatement, set_tenant_cte


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _range(text: str) -> Range[datetime]:
    """Reads a range with both ends, as PostgreSQL prints it."""
    start, end = text[1:-1].replace('"', "").split(",")
    return Range(_instant(start), _instant(end), bounds=f"{text[0]}{text[-1]}")  # type: ignore[arg-type]


_READERS: Final[dict[type, Callable[[str], Any]]] = {
    UUID: UUID,
    bytes: lambda text: bytes.fromhex(text.removeprefix("\\x")),
    datetime: _instant,
    date: date.fromisoformat,
    Range: _range,
}


class JsonBatch:
    """Combines statements that select plain columns or a model, with bound parameters."""

    def __init__(self, *statements: Any) -> None:
        parts = [_as_json(each, f"part{n}") for n, each in enumerate(statements)]
        self.statement = PreparedStatement(select(*parts))
        tenant_id = bindparam("tenant_id", type_=Uuid())
        # The same for a statement that is a transaction by itself.
        self.standalone = PreparedStatement(select(*parts).select_from(set_tenant_cte(tenant_id)))
        self._kinds = [(_maker(each), _readers(each)) for each in statements]

    def decode(self, row: Sequence[str]) -> list[list[Any]]:
        """Returns the rows of each statement: read-only objects with columns as attributes."""
        return [_rows(text, *kind) for text, kind in zip(row, self._kinds, strict=True)]


def _as_json(statement: Select[Any], name: str) -> Any:
    rows = statement.subquery(name)
    listed = cast(func.json_agg(rows.table_valued()), Text)
    return select(func.coalesce(listed, literal("[]", Text))).select_from(rows).scalar_subquery()


def _readers(statement: Select[Any]) -> dict[str, Callable[[Any], Any]]:
    readers = {str(each.key): _reader(each.type) for each in statement.selected_columns}
    return {key: read for key, read in readers.items() if read is not None}


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    if isinstance(kind, ARRAY) and (read := _reader(kind.item_type)) is not None:
        return lambda values: [read(each) for each in values]
    return _READERS.get(_python_type(kind))


def _python_type(column_type: Any) -> type:
    if isinstance(column_type, TSTZRANGE):
        return Range
    try:
        kind: type = column_type.python_type
    except NotImplementedError:
        return object
    return kind


def _maker(statement: Select[Any]) -> Callable[..., Any]:
    (first, *_) = statement.column_descriptions
    return (
        partial(detached_row, first["type"])
        if first["expr"] is first["entity"]
        else SimpleNamespace
    )


def _rows(
    text: str, make: Callable[..., Any], readers: dict[str, Callable[[str], Any]]
) -> list[Any]:
    found = orjson.loads(text)
    for row in found:
        for key, read in readers.items():
            if row[key] is not None:
                row[key] = read(row[key])
    return [make(**row) for row in found]
