"""Statements that are compiled to SQL once and then executed with different values."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

import orjson
from sqlalchemy import CTE, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, asyncpg

from kit.bounded_cache import BoundedDict


def _json(value: object) -> str:
    # SQLAlchemy's own serializer is several times slower.
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


_DIALECT: Final[Any] = asyncpg.dialect(
    dbapi=asyncpg.dialect.import_dbapi(),  # type: ignore[no-untyped-call]
    json_serializer=_json,
)

MAX_SHOWING: Final = 1_000
"""How many statements that show the stored row are kept for each statement."""
_NOT_SHOWN: Final = "NULL::text[]"
_SET_TENANT: Final = "WITH t AS MATERIALIZED"

NOT_SHOWN: Final = literal_column(_NOT_SHOWN, ARRAY(Text())).label("shown")
"""The column of a statement that may show the row that it stores, while it doesn't."""

Values = Mapping[str, object]
Process = Callable[[Any], Any]


class PreparedStatement:
    """A SQLAlchemy statement whose values are named by its ``bindparam``s.

    ``stores`` names the CTEs that return what it stores, by table. Then its last column is
    ``NOT_SHOWN``.

    Compiling a statement for each request costs several times what sending it does. It is
    compiled on first use, when all tables are defined.
    """

    def __init__(self, statement: Any, *, stores: Mapping[str, str] | None = None) -> None:
        self._statement = statement
        self.stores = stores
        self._showing: BoundedDict[str] = BoundedDict(MAX_SHOWING)

    @property
    def sql(self) -> str:
        """The SQL that is sent to PostgreSQL."""
        return self._compiled[0]

    def showing(self, read: str) -> str:
        """Returns the SQL that also returns what ``read`` does of a row that it stores.

        ``read`` begins with ``set_tenant_cte``. It sees no other rows of the tables that are stored
        to, other tables as they were before, and its parameters come after this statement's own.
        """
        sql = self._showing.get(read)
        if sql is None:
            assert self.stores is not None and read.startswith(_SET_TENANT)
            own = len(self._compiled[2])
            read_here = re.sub(r"\$(\d+)", lambda place: f"${int(place[1]) + own}", read)
            stored = "".join(
                f"{table} AS (SELECT * FROM {cte}), "  # noqa: S608 - names of ours
                for table, cte in self.stores.items()
            )
            shown = f"WITH {stored}{read_here.removeprefix('WITH ')}"
            head, found, tail = self.sql.rpartition(_NOT_SHOWN)
            assert found
            sql = f"{head}({shown}){tail}"
            self._showing.put(read, sql)
        return sql

    def arguments(self, values: Values) -> list[Any]:
        """Returns the values in the order of the SQL, encoded for the driver."""
        _, fixed, names, processes = self._compiled
        arguments = [*map({**values, **fixed}.__getitem__, names)]
        for place, process in processes:
            arguments[place] = process(arguments[place])
        return arguments

    @cached_property
    def _compiled(self) -> tuple[str, Values, list[str], list[tuple[int, Process]]]:
        compiled = self._statement.compile(dialect=_DIALECT)
        required = {key for key, bind in compiled.binds.items() if bind.required}
        # Lists that are part of the statement are expanded here.
        expanded = compiled.construct_expanded_state(dict.fromkeys(required))
        processors = {**compiled._bind_processors, **expanded.processors}  # noqa: SLF001 - for each driver
        fixed = {
            name: processors[name](value) if name in processors else value
            for name, value in expanded.parameters.items()
            if name not in required
        }
        names = [*(expanded.positiontup or ())]
        processes = [
            (place, process)
            for place, name in enumerate(names)
            if name not in fixed
            and (process := bind_process(compiled.binds.get(name), processors.get(name)))
        ]
        return expanded.statement, fixed, names, processes


def bind_process(bind: Any, process: Process | None) -> Process | None:
    """Returns what encodes a parameter for the driver as ``process`` does, but lists quickly.

    None if the driver takes the values as they are.
    """
    kind = bind.type if bind is not None else None
    if not isinstance(kind, ARRAY):
        return process
    of_item = kind.item_type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    if of_item is None:
        return None
    return lambda values: None if values is None else [of_item(each) for each in values]


def set_tenant_cte(tenant_id: Any) -> CTE:
    """Returns a CTE that sets the tenant for the statement selecting from it.

    The statement is a transaction by itself. If the CTE ever ran after the rest, row-level
    security would show no rows.
    """
    setting = select(func.set_config("app.tenant", cast(tenant_id, Text()), True))
    return setting.cte("t").prefix_with("MATERIALIZED")


def parameters(model: Any, *, prefix: str = "") -> dict[str, Any]:
    """Returns a ``bindparam`` for each column of a model's table, named after it."""
    return {
        column.name: bindparam(f"{prefix}{column.name}", type_=column.type)
        for column in model.__table__.columns
    }
