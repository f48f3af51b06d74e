"""Checks that migrations have consecutive numbers, follow one another, and can be undone."""

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.test_imports import ROOT

MIGRATIONS: Final = sorted((ROOT / "migrations" / "versions").glob("*.py"))


def _constants(migration: Path) -> dict[str, object]:
    """Returns the module's constants whose values are literals, by name."""
    return {
        node.targets[0].id: node.value.value
        for node in ast.parse(migration.read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def test_each_migration_has_the_next_number_and_follows_the_one_before() -> None:
    numbers = [f"{number:04}" for number, _ in enumerate(MIGRATIONS, start=1)]

    declared = [_constants(each) for each in MIGRATIONS]

    assert [each.name[:5] for each in MIGRATIONS] == [f"{number}_" for number in numbers]
    assert [each["revision"] for each in declared] == numbers
    assert [each["down_revision"] for each in declared] == [None, *numbers[:-1]]


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda each: each.stem)
def test_each_migration_can_be_undone(migration: Path) -> None:
    functions = {
        node.name: node
        for node in ast.parse(migration.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }

    steps = [each for each in functions["downgrade"].body if isinstance(each, ast.Expr | ast.For)]

    assert any(not isinstance(getattr(each, "value", None), ast.Constant) for each in steps)
