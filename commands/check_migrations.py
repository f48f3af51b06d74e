"""Checks the migrations: `python -m commands.check_migrations`.

There is one head; they create exactly what the models declare; each downgrades and leaves nothing.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import asyncpg
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from commands.migrate import migrations
from kit.postgres.connection_urls import DatabaseUrl
from kit.postgres.embedded import EmbeddedServer

_LEFT = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relname <> 'alembic_version'
    UNION ALL
    SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if they are right, else 1."""
    argparse.ArgumentParser(
        prog="python -m commands.check_migrations",
        description="Run all migrations up, down and up again, on a database of their own.",
    ).parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="boom-migrations-") as folder,
        EmbeddedServer(Path(folder), durable=False) as server,
    ):
        wrong = _wrong(server.url)
    print(wrong or "Migrations: one head, no drift, up, down and up again.")
    return 1 if wrong else 0


def _wrong(owner: DatabaseUrl) -> str | None:
    config = migrations(owner)
    heads = ScriptDirectory.from_config(config).get_heads()
    if len(heads) != 1:
        return f"Migrations have {len(heads)} heads: {', '.join(heads)}"

    command.upgrade(config, "head")
    try:
        command.check(config)
    except CommandError as error:
        return f"Models and migrations differ: {error}"

    command.downgrade(config, "base")
    if left := asyncio.run(_left(owner)):
        return f"The way down leaves {', '.join(left)}"
    command.upgrade(config, "head")
    return None


async def _left(owner: DatabaseUrl) -> list[str]:
    connection = await asyncpg.connect(owner)
    try:
        return [row["relname"] for row in await connection.fetch(_LEFT)]
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
