"""The command that exports the schema and permissions, and detects outdated files."""

from pathlib import Path

import pytest

from commands import export


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(export, "ROOT", tmp_path)
    return tmp_path


def test_what_was_written_is_up_to_date(folder: Path) -> None:
    written = export.main([])

    assert written == 0
    assert export.main(["--check"]) == 0


def test_a_difference_is_shown_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export.main([])
    page = folder / "docs" / "permissions.md"
    page.write_text(page.read_text().replace("# Who may do what", "# Who did what"))

    status = export.main(["--check"])

    shown = capsys.readouterr().out
    assert status == 1
    assert "-# Who did what\n+# Who may do what\n" in shown
    assert "run `make schema`" in shown


def test_the_page_says_who_may_use_a_field(folder: Path) -> None:
    export.main([])

    page = (folder / "docs" / "permissions.md").read_text()

    assert "| `login` | `public` | yes | yes | yes | yes | yes | yes |" in page
    assert "| `booking` | `bookings:read` |  | own | yes | yes | yes | yes |" in page
    assert "| `Room.hourlyRate` | `prices:read` |  | yes | yes | yes | yes | yes |" in page


def test_an_unknown_argument_is_refused(folder: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        export.main(["--chekc"])

    assert refused.value.code == 2
    assert list(folder.iterdir()) == []
