"""The first start, which compiles packages in another process."""

import importlib.util
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from commands import run


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleSpec:
    """Puts a small module in the place of the packages; nothing has compiled it."""
    (tmp_path / "seedling.py").write_text("")
    spec = importlib.util.spec_from_file_location("seedling", tmp_path / "seedling.py")
    assert spec and spec.cached
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    monkeypatch.setattr(run, "_COMPILING", "import seedling")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return spec


def test_another_process_compiles_what_nothing_has_compiled(package: ModuleSpec) -> None:
    compiler = run._compile_ahead()

    assert compiler
    assert compiler.wait(timeout=60) == 0
    assert Path(package.cached or "").exists()


def test_no_process_is_started_once_it_is_compiled(package: ModuleSpec) -> None:
    cached = Path(package.cached or "")
    cached.parent.mkdir()
    cached.touch()

    assert run._compile_ahead() is None


def test_a_machine_without_another_core_compiles_by_importing(
    package: ModuleSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)

    assert run._compile_ahead() is None


def test_a_process_that_cannot_be_started_stops_nothing(
    package: ModuleSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(subprocess, "Popen", refuse)

    assert run._compile_ahead() is None
