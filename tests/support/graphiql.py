"""An empty page in place of GraphiQL, whose build would take the processor from the tests."""

from pathlib import Path

import structlog

from web.pages.graphiql_build import Bundle


def have_graphiql(data: Path) -> None:
    """Has an app that starts on this data folder find the files of GraphiQL there."""
    built = Bundle(data, log=structlog.get_logger()).folder
    built.mkdir(parents=True, exist_ok=True)
    (built / "index.html").touch()
