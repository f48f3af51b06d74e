"""The addresses that the command announces once it serves."""

from pathlib import Path

import pytest

from commands import start
from kit.settings import Environment, Settings
from web.pages.graphiql_build import Bundle


def announced(settings: Settings, capsys: pytest.CaptureFixture[str]) -> str:
    """Returns the line about GraphiQL."""
    start._announce(settings, 8000)
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "GraphiQL" in each]
    return " ".join(line.split())


def test_production_names_graphiql_once_it_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(environment=Environment.PRODUCTION, data=tmp_path, wants_demo=False)

    before = announced(settings, capsys)
    folder = Bundle(settings.data, log=start.log).folder
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")

    assert before == "GraphiQL not built; .venv/bin/python -m commands.graphiql builds it"
    assert announced(settings, capsys) == "GraphiQL http://127.0.0.1:8000/graphiql"


def test_a_server_of_development_names_graphiql_which_it_builds_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data=tmp_path, wants_demo=False)

    assert announced(settings, capsys) == "GraphiQL http://127.0.0.1:8000/graphiql"
