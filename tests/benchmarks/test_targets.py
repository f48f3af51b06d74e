"""The benchmarks compare servers that return the same data."""

import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks.peers import gophers
from benchmarks.targets import DATABASE, TARGETS

ROOT = Path(__file__).parents[2]
GO = ("gophers", "gophers_all_cores")
SMALL = ("--tenants", "2", "--bookings", "4000", "--rounds", "1", "--seconds", "0.1")


@pytest.mark.soak
def test_all_targets_that_run_here_return_the_same_data() -> None:
    command = [sys.executable, "-m", "benchmarks", "--json", *SMALL]
    chosen = ("--benchmarks", *DATABASE, "--targets", *TARGETS)
    run = subprocess.run([*command, *chosen], cwd=ROOT, capture_output=True, check=True)

    able = {name for name, target in TARGETS.items() if target.missing() is None}
    measured = {benchmark: set(each) for benchmark, each in orjson.loads(run.stdout).items()}
    assert measured == dict.fromkeys(DATABASE, able), run.stderr.decode()


def test_without_go_its_server_is_left_out_with_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gophers, "_BINARY", tmp_path / "gophers")
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    gophers.build()

    assert "golang-go" in capsys.readouterr().out
    assert all("golang-go" in str(TARGETS[name].missing()) for name in GO)


def test_where_go_is_its_server_is_built_from_what_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if gophers._compiler() is None:
        pytest.skip("Go or its libraries aren't installed")
    monkeypatch.setattr(gophers, "_BINARY", tmp_path / "gophers")
    assert "make bench-peers" in str(gophers.missing())

    gophers.build()

    assert gophers.missing() is None
