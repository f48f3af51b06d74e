"""The docs name only files, commands, headings and identifiers that exist."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SKIPPED: Final = frozenset({".data", ".git", ".venv", "node_modules", "__pycache__"})
SOURCES: Final = frozenset(
    {".conf", ".example", ".go", ".graphql", ".lock", ".mjs", ".py", ".sh", ".sql", ".toml"}
)
PAGES: Final = (
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "findings/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)

# Identifiers of other software, and those that a page gives as examples.
FOREIGN: Final = frozenset(
    {
        "EventSource",
        "QueueManager",
        "RoomWithBookings",
        "backend_xid",
        "boom_professional_7900_usd",
        "force_generic_plan",
        "max_prepared_statements",
        "pg_dump",
        "pg_trgm",
        "plan_cache_mode",
        "possibleTypes",
        "synchronous_commit",
        "track_extra_parameters",
    }
)

_FENCE: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_MODULE: Final = re.compile(r"python -m ([\w.]+)")
_PATH: Final = re.compile(r"(?:[\w.-]+/)*(?:[\w-]+/|[\w.-]+\.(?:py|md|sql|toml|graphql|lock))")
_IDENTIFIER: Final = re.compile(r"\b(?:[a-zA-Z]\w*_\w+|[A-Za-z][a-z]+(?:[A-Z][a-z]+)+)\b")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return [*_files(ROOT)]


@pytest.fixture(scope="module")
def words(files: list[Path]) -> set[str]:
    """The words of the source, but for this file, and the names of its files."""
    sources = [each for each in files if each.suffix in SOURCES and each != Path(__file__)]
    texts = (each.read_text() for each in sources)
    return {each.stem for each in files}.union(*(re.findall(r"\w+", text) for text in texts))


@each_page
def test_paths_in_the_docs_exist(page: Path, files: list[Path]) -> None:
    """A path may leave out the folders that the text around it names: ``plans.py``."""
    known = {f"/{each.relative_to(ROOT)}" for each in files}
    known |= {f"{folder.rstrip('/')}/" for each in known for folder in _folders(each)}

    named = [each for each in _CODE.findall(_prose(page)) if _PATH.fullmatch(each)]
    assert [each for each in named if not any(path.endswith(f"/{each}") for path in known)] == []


@each_page
def test_links_in_the_docs_lead_somewhere(page: Path) -> None:
    links = [each for each in _LINK.findall(_prose(page)) if not each.startswith("http")]

    assert [each for each in links if not _leads_somewhere(page, each)] == []


@each_page
def test_commands_in_the_docs_exist(page: Path) -> None:
    modules = _MODULE.findall(page.read_text())

    assert [each for each in modules if find_spec(each) is None] == []


@each_page
def test_identifiers_in_the_docs_exist(page: Path, words: set[str]) -> None:
    named = {name for code in _CODE.findall(_prose(page)) for name in _IDENTIFIER.findall(code)}

    assert sorted(named - words - FOREIGN) == []


def test_every_decision_and_finding_is_listed() -> None:
    decisions = ROOT / "docs" / "decisions"
    findings = ROOT / "findings"

    listed = _LINK.findall((decisions / "README.md").read_text())
    shown = re.findall(r"^\| `([\w-]+)` \|", (findings / "README.md").read_text(), re.MULTILINE)

    assert listed == sorted(each.name for each in decisions.glob("0*.md"))
    assert sorted(shown) == sorted(each.stem for each in findings.glob("*.sh"))


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in _headings(target))


def _headings(page: Path) -> Iterator[str]:
    """Yields the headings of a page as GitHub makes anchors of them."""
    for line in re.findall(r"^#+ (.*)$", _prose(page), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-")


def _folders(path: str) -> Iterator[str]:
    for parent in Path(path).parents:
        yield str(parent)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in SKIPPED or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path
