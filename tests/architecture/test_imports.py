"""Imports point one way, and only some layers know GraphQL."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from importlinter.cli import lint_imports

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = (
    "commands", "domain", "execution", "integrations", "jobs", "kit", "models", "permissions",
    "resolvers", "schema", "subscriptions", "web",
)  # fmt: skip
SPEAK_GRAPHQL: Final = ("execution", "schema", "web")
SPEAK_SOME: Final = {"kit.loaders", "permissions.fields"}


def test_the_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert status == 0, capsys.readouterr().out


def test_only_few_modules_know_strawberry() -> None:
    knowing = {module for module, imported in imports() if imported.startswith("strawberry")}

    assert {name for name in knowing if not name.startswith(SPEAK_GRAPHQL)} <= SPEAK_SOME


def test_every_module_opens_with_one_sentence() -> None:
    sentence = re.compile(r"\S(?:[^.?!]|[.?!](?=\S))*\.")
    others = [
        str(path.relative_to(ROOT))
        for path in sources()
        if not sentence.fullmatch(_first_paragraph(ast.parse(path.read_text())))
    ]

    assert others == []


def test_time_zones_are_read_in_one_place() -> None:
    # Others would take the machine's, or PostgreSQL's own.
    by_themselves = [
        str(path.relative_to(ROOT))
        for path in sources()
        if re.search(r"\bZoneInfo\(|AT TIME ZONE|\btimezone\((?![\"']UTC)", path.read_text())
    ]

    assert by_themselves == ["domain/core/local_time.py"]


def test_a_step_of_the_database_is_made_of_nothing_that_may_change() -> None:
    ours = re.compile(rf"^\s*(from|import) ({'|'.join(PACKAGES)}|migrations)\b.*", re.MULTILINE)
    steps = [*(ROOT / "migrations" / "versions").glob("*.py")]

    assert len(steps) > 15
    assert [step.name for step in steps if ours.search(step.read_text())] == []


def _first_paragraph(module: ast.Module) -> str:
    return (ast.get_docstring(module) or "").split("\n\n")[0]


def imports() -> Iterator[tuple[str, str]]:
    """Yields each module with each module it imports."""
    for path in sources():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names):
                    yield from ((module, each.name) for each in names)
                case ast.ImportFrom(imported) if imported:
                    yield module, imported


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))
