"""Records the statements that reach the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from sqlalchemy import event

from kit.postgres.statements import PreparedStatement, Values
from kit.postgres.transaction import Transaction
from kit.runtime import Runtime

_is_background: Final = ContextVar("is_background", default=False)


@contextmanager
def background() -> Iterator[None]:
    """Tasks that begin in the block, such as an app's worker, send what nobody records."""
    token = _is_background.set(True)
    try:
        yield
    finally:
        _is_background.reset(token)


@contextmanager
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """Records the app's statements, except those for authentication and the tenant.

    What the app does by itself meanwhile isn't recorded: that depends on the time.
    """
    sent: list[str] = []

    def record(statement: str) -> None:
        if not _is_background.get():
            sent.append(statement)

    def note(_c: object, _cursor: object, statement: str, *_: Any) -> None:
        if "set_config" not in statement and "JOIN sessions" not in statement:
            record(statement)

    database = runtime.database
    read = database.text

    def noted(sql: str, values: Sequence[object], **owner: Any) -> Any:
        record(sql)
        return read(sql, values, **owner)

    read_rows = database.rows

    def noted_alone(statement: PreparedStatement, values: Values, **owner: Any) -> Any:
        if "JOIN sessions" not in statement.sql:
            record(statement.sql)
        return read_rows(statement, values, **owner)

    write = database.write

    def noted_whole(statement: PreparedStatement, values: Values, **owner: Any) -> Any:
        record(statement.sql)
        return write(statement, values, **owner)

    inside, rows = Transaction.text, Transaction.rows

    def noted_inside(transaction: Transaction, sql: str, values: Sequence[object]) -> Any:
        if not sql.startswith(("SELECT set_config", "SELECT pg_advisory")):
            record(sql)
        return inside(transaction, sql, values)

    def noted_rows(transaction: Transaction, statement: PreparedStatement, values: Values) -> Any:
        record(statement.sql)
        return rows(transaction, statement, values)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    own = {"text": noted, "rows": noted_alone, "write": noted_whole}
    vars(database).update(own)
    Transaction.text, Transaction.rows = noted_inside, noted_rows  # type: ignore[assignment,method-assign]
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
        for name in own:
            del vars(database)[name]
        Transaction.text, Transaction.rows = inside, rows  # type: ignore[method-assign]


@contextmanager
def round_trips(runtime: Runtime) -> Iterator[list[str]]:
    """Records the same, and what begins and ends transactions: a change waits for each of them."""
    with statements(runtime) as sent:
        begin, commit, close = Transaction.begin, Transaction.commit, Transaction.close

        def noted(sql: str) -> None:
            if not _is_background.get():
                sent.append(sql)

        def begun(transaction: Transaction, mode: str, first: str) -> Any:
            noted("BEGIN")
            return begin(transaction, mode, first)

        def committed(transaction: Transaction) -> Any:
            noted("COMMIT")
            return commit(transaction)

        def closed(transaction: Transaction) -> Any:
            if transaction._is_open:
                noted("ROLLBACK")
            return close(transaction)

        Transaction.begin = begun  # type: ignore[assignment,method-assign]
        Transaction.commit = committed  # type: ignore[assignment,method-assign]
        Transaction.close = closed  # type: ignore[assignment,method-assign]
        try:
            yield sent
        finally:
            Transaction.begin, Transaction.commit, Transaction.close = begin, commit, close  # type: ignore[method-assign]
