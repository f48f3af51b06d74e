"""Runs migrations as the owner, in one transaction each, over the app's own driver."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine

from models import METADATA
from models.audit.log import Xid8
from models.support.articles import Vector

# Reflection has no names of its own for them.
ischema_names["xid8"] = Xid8
ischema_names["vector"] = Vector


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
        include_object=_is_compared,
    )
    with context.begin_transaction():
        context.run_migrations()


def _is_compared(
    _item: Any, name: str | None, kind: str, reflected: bool, _compare_to: Any
) -> bool:
    # An exclusion constraint is reflected as its index too.
    return not (kind == "index" and reflected and str(name).endswith("_no_overlap"))


async def main() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    assert url, "commands/migrate.py names the database"
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


asyncio.run(main())
