"""Migrates a database to this version: `python -m commands.migrate`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config

from commands.time_zones import store_zone_clocks
from kit.postgres.connection_urls import DatabaseUrl
from kit.settings import SettingsError, load_settings

ROOT = Path(__file__).parents[1]


def migrations(owner: DatabaseUrl) -> Config:
    """Returns Alembic's configuration for this database."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    # A percent sign, as in an encoded password, would start a reference to another option.
    config.set_main_option("sqlalchemy.url", owner.sqlalchemy.replace("%", "%%"))
    return config


def migrate(owner: DatabaseUrl) -> None:
    """Runs pending migrations, in an event loop of its own: call it from a thread without one."""
    command.upgrade(migrations(owner), "head")
    asyncio.run(store_zone_clocks(owner))


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 on success, 2 if the settings are wrong or name no database."""
    argparse.ArgumentParser(
        prog="python -m commands.migrate",
        description="Bring the database of DATABASE_URL to this version's tables.",
    ).parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if settings.database_url is None:
        print("DATABASE_URL: required; the embedded server is migrated by commands.run")
        return 2
    migrate(settings.database_url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
