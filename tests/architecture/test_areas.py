"""An area knows only those before it, in all layers together."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import grimp

import models
from tests.architecture.test_imports import ROOT

LAYERS: Final = ("schema", "resolvers", "models", "domain")


def test_no_area_imports_a_later_one_in_any_layer() -> None:
    ranks = _ranks()

    backwards = {
        (importer, imported)
        for importer, imported in _imports()
        if _area(importer) != _area(imported) and ranks[_area(importer)] <= ranks[_area(imported)]
    }

    assert not backwards, "extend the earlier area instead: docs/development.md"


def _ranks() -> Mapping[str, int]:
    """Returns the rank of each area in the contract that orders them within each layer."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (order,) = (each for each in contracts["contracts"] if "schema" in each.get("containers", ()))
    ranked = enumerate(reversed(order["layers"]))
    return {area: rank for rank, areas in ranked for area in re.findall(r"\w+", areas)}


def _area(module: str) -> str:
    return module.split(".")[1]


def _imports() -> Iterator[tuple[str, str]]:
    """Yields importing and imported modules of areas, including tables imported from ``models``."""
    graph = grimp.build_graph(*LAYERS, cache_dir=None)
    for importer in sorted(graph.modules - set(LAYERS)):
        for imported in graph.find_modules_directly_imported_by(importer):
            if imported == "models":
                yield from ((importer, table) for table in _tables_named_in(importer))
            elif imported not in LAYERS:
                yield importer, imported


def _tables_named_in(module: str) -> Iterator[str]:
    path = ROOT / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(source.read_text())):
        match node:
            case ast.Attribute(ast.Name("models"), name):
                yield getattr(models, name).__module__
            case ast.ImportFrom("models", names):
                named = (getattr(models, each.name) for each in names)
                yield from (each.__module__ for each in named if isinstance(each, type))
            case ast.Import(names):
                # Under another name, what is named of it wouldn't be seen.
                assert not any(each.name == "models" and each.asname for each in names), module
