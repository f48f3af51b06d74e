"""Each command prints help for --help, and does nothing else."""

from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

import commands

COMMANDS: Final = sorted(
    path.stem
    for path in Path(commands.__path__[0]).glob("*.py")
    if 'if __name__ == "__main__"' in path.read_text()
)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_how_a_command_is_called_and_does_nothing(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        import_module(f"commands.{name}").main(["--help"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m commands.{name} [-h]")


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_a_command_does_not_know_is_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        import_module(f"commands.{name}").main(["--helpme"])

    assert ended.value.code == 2
    assert "--helpme" in capsys.readouterr().err


def test_all_commands_are_asked() -> None:
    assert {"check_addresses", "graphiql", "run", "time_zones", "worker"} <= {*COMMANDS}
