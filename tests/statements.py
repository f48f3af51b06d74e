"""What reaches the database: to pin how many statements a query takes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from kit.prepared import Prepared, Values
from kit.scope import Runtime, Scope
from kit.transaction import Transaction


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

    rows, each = Transaction.rows, Transaction.each

    def noted_rows(transaction: Transaction, statement: Prepared, values: Values) -> Any:
        sent.append(statement.sql)
        return rows(transaction, statement, values)

    def noted_each(transaction: Transaction, statement: Prepared, many: Sequence[Values]) -> Any:
        sent.append(statement.sql)
        return each(transaction, statement, many)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    vars(database)["text"] = noted
    Scope.text = noted_inside  # type: ignore[assignment,method-assign]
    Transaction.rows, Transaction.each = noted_rows, noted_each  # type: ignore[assignment,method-assign]
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
        del vars(database)["text"]
        Scope.text = inside  # type: ignore[method-assign]
        Transaction.rows, Transaction.each = rows, each  # type: ignore[method-assign]
