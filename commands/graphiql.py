"""Builds GraphiQL's files for a production server: `python -m commands.graphiql`.

They are written to the data folder of the server. Other servers build them by themselves.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import structlog

from kit.settings import SettingsError, load_settings
from web.pages.graphiql_build import Bundle


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds the files if missing; returns 1 if that fails, 2 if the settings are wrong."""
    argparse.ArgumentParser(
        prog="python -m commands.graphiql",
        description="Build GraphiQL into the data folder, unless it is built already.",
    ).parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"\nGraphiQL can't be built:\n{error}", file=sys.stderr)
        return 2
    bundle = Bundle(settings.data, log=structlog.get_logger("graphiql"))
    asyncio.run(bundle.build())
    if not bundle.is_built:
        print(f"\nGraphiQL can't be built:\n{bundle.progress.reason}", file=sys.stderr)
        return 1
    print(f"GraphiQL is in {bundle.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
