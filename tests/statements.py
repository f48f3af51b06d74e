"""What reaches the database: to pin how many statements a query takes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from kit.scope import Runtime, Scope


@contextmanager
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """All that the app sends meanwhile, but for who asks and in which tenant."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: Any) -> None:
        if "set_config" not in statement and "JOIN sessions" not in statement:
            sent.append(statement)

    database = runtime.database
    read = database.text

    def noted(sql: str, values: Sequence[object]) -> Any:
        sent.append(sql)
        return read(sql, values)

    inside = Scope.text

    def noted_inside(scope: Scope, sql: str, values: Sequence[object]) -> Any:
        sent.append(sql)
        return inside(scope, sql, values)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    vars(database)["text"] = noted
    Scope.text = noted_inside  # type: ignore[assignment,method-assign]
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
        del vars(database)["text"]
        Scope.text = inside  # type: ignore[method-assign]
