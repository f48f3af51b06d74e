"""Statements that are turned into SQL once, and then only told their values."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from sqlalchemy import CTE, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import asyncpg

_DIALECT: Final[Any] = asyncpg.dialect(dbapi=asyncpg.dialect.import_dbapi())  # type: ignore[no-untyped-call]

Values = Mapping[str, object]


class PreparedStatement:
    """A statement of SQLAlchemy's whose values are named by its ``bindparam``s.

    To make one anew for each request costs several times what sending it does. It is compiled
    when it is first needed: not before all tables are known.
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement

    @property
    def sql(self) -> str:
        """As PostgreSQL takes it."""
        return self._made[0]

    def arguments(self, values: Values) -> list[Any]:
        """The values in the order of the SQL, as the driver takes them."""
        _, fixed, places = self._made
        return [
            (values[name] if process is None else process(values[name]))
            if name not in fixed
            else fixed[name]
            for name, process in places
        ]

    @cached_property
    def _made(self) -> tuple[str, Values, list[tuple[str, Callable[[Any], Any] | None]]]:
        compiled = self._statement.compile(dialect=_DIALECT)
        told = {key for key, bind in compiled.binds.items() if bind.required}
        # Lists that are part of the statement are written out here.
        made = compiled.construct_expanded_state(dict.fromkeys(told))
        processors = {**compiled._bind_processors, **made.processors}  # noqa: SLF001 - for each driver
        fixed = {
            name: processors[name](value) if name in processors else value
            for name, value in made.parameters.items()
            if name not in told
        }
        places = [(name, processors.get(name)) for name in made.positiontup or ()]
        return made.statement, fixed, places


def set_tenant_cte(tenant_id: Any) -> CTE:
    """Sets the tenant of a statement that selects from it, and is a transaction by itself.

    If it were ever run later than the rest, row-level security would show no rows at all.
    """
    setting = select(func.set_config("app.tenant", cast(tenant_id, Text()), True))
    return setting.cte("t").prefix_with("MATERIALIZED")


def parameters(model: Any) -> dict[str, Any]:
    """A ``bindparam`` for each column of a model's table, called like it."""
    return {
        column.name: bindparam(column.name, type_=column.type) for column in model.__table__.columns
    }
