"""Tables as files: what is read back is what was written, and spreadsheets run none of it."""

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.tables import files
from kit.tables.cells import Cell, escaped, plain, titled, unescaped
from kit.tables.files import CsvTable, JsonLines, Spreadsheet, TableWriter

NEW_YORK = ZoneInfo("America/New_York")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

# PostgreSQL stores no zero characters and no halves of a pair.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
risky = st.builds("".join, st.lists(st.sampled_from([*DANGEROUS, "'", '"', ",", "a", " "])))
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC).astimezone(
        NEW_YORK
    )
)
amounts = st.builds(
    lambda minor, digits: Decimal(minor).scaleb(-digits),
    st.integers(-(10**12), 10**12),
    st.sampled_from([0, 2, 3]),
)
cells: st.SearchStrategy[Cell] = st.one_of(
    st.none(), st.booleans(), st.integers(), texts, risky, instants, amounts, st.dates()
)
rows = st.lists(st.lists(cells, min_size=3, max_size=3), max_size=8)

NAMES = ("reference", "startsAt", "price")


def file_of(writer: TableWriter, *batches: Sequence[Sequence[Cell]]) -> bytes:
    written = b"".join([writer.write(batch) for batch in batches])
    written += b"".join(writer.finish())
    writer.discard()
    return written


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(content.decode(), newline="")))


def sheets(content: bytes) -> Iterator[list[list[tuple[str, str]]]]:
    """Yields the cells of each sheet that are there: their type and text."""
    with ZipFile(BytesIO(content)) as archive:
        for name in sorted(n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")):
            tree = ElementTree.fromstring(archive.read(name))  # noqa: S314 - our own
            assert tree.findall(f".//{_MAIN}f") == []
            yield [
                [
                    (cell.get("t", "n"), "".join(cell.itertext()))
                    for cell in row.findall(f"{_MAIN}c")
                ]
                for row in tree.iter(f"{_MAIN}row")
            ]


@given(rows, rows)
def test_what_is_read_from_csv_is_what_was_written(
    first: list[list[Cell]], second: list[list[Cell]]
) -> None:
    heading, *found = read_csv(file_of(CsvTable(NAMES), first, second))

    assert heading == ["Reference", "Starts at", "Price"]
    assert [[unescaped(text) for text in row] for row in found] == [
        [plain(cell) for cell in row] for row in first + second
    ]


@given(st.one_of(texts, risky))
def test_no_text_begins_as_a_formula_does(text: str) -> None:
    written = escaped(text)

    assert not written.startswith(DANGEROUS)
    assert unescaped(written) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1 212 555 0100", "'+1 212 555 0100"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("'=x", "''=x"),
        ("'t Hof", "'t Hof"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_formulas_get_an_apostrophe_and_nothing_else_does(text: str, written: str) -> None:
    assert escaped(text) == written


def test_negative_numbers_stay_numbers() -> None:
    content = file_of(CsvTable(NAMES), [[-3, Decimal("-12.50"), None]])

    assert content == b"Reference,Starts at,Price\r\n-3,-12.50,\r\n"


def test_instants_have_their_offset_on_both_sides_of_a_clock_change() -> None:
    before = datetime(2026, 11, 1, 5, 30, tzinfo=UTC).astimezone(NEW_YORK)
    after = (before.astimezone(UTC) + timedelta(hours=1)).astimezone(NEW_YORK)

    assert plain(before) == "2026-11-01T01:30:00-04:00"
    assert plain(after) == "2026-11-01T01:30:00-05:00"


@given(rows)
def test_json_lines_have_every_value_exactly(table: list[list[Cell]]) -> None:
    # The largest integer of the format.
    small = [[None if isinstance(c, int) and abs(c) > 2**53 else c for c in row] for row in table]
    lines = file_of(JsonLines(NAMES), small).splitlines()

    assert [json.loads(line) for line in lines] == [
        {
            name: cell if cell is None or isinstance(cell, (bool, int, str)) else plain(cell)
            for name, cell in zip(NAMES, row, strict=True)
        }
        for row in small
    ]


def test_a_spreadsheet_has_numbers_dates_and_texts(tmp_path: Path) -> None:
    start = datetime(2027, 1, 8, 23, 0, tzinfo=UTC).astimezone(NEW_YORK)
    table: list[list[Cell]] = [
        ["=1+1", start, Decimal("1234.50")],
        ["<r><t>x</t></r>", date(2027, 1, 8), -3],
        ["&<\x07\uffff", True, None],
    ]

    content = file_of(Spreadsheet(NAMES, tmp_path), table[:1], table[1:])

    assert list(sheets(content)) == [
        [
            [("inlineStr", "Reference"), ("inlineStr", "Starts at"), ("inlineStr", "Price")],
            [("inlineStr", "=1+1"), ("n", "46395.75"), ("n", "1234.5")],
            [("inlineStr", "<r><t>x</t></r>"), ("n", "46395"), ("n", "-3")],
            [("inlineStr", "&<_x0007_\ufffd"), ("b", "1")],
        ]
    ]
    with ZipFile(BytesIO(content)) as archive:
        formats = archive.read("xl/styles.xml").decode()
    assert 'formatCode="0.00"' in formats and 'formatCode="yyyy-mm-dd hh:mm"' in formats


def test_what_fits_no_sheet_goes_on_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_SHEET_ROWS", 3)

    first, second = sheets(file_of(Spreadsheet(["n"], tmp_path), [[n] for n in range(3)]))

    assert first == [[("inlineStr", "N")], [("n", "0")], [("n", "1")]]
    assert second == [[("inlineStr", "N")], [("n", "2")]]


def test_a_text_that_fits_no_cell_is_cut_visibly(tmp_path: Path) -> None:
    ((_, [(_, text)]),) = sheets(file_of(Spreadsheet(["n"], tmp_path), [["🎷" * 20_000]]))

    assert len(text.encode("utf-16-le")) // 2 == 32_767
    assert text.endswith("🎷…")


def test_a_spreadsheet_leaves_no_files(tmp_path: Path) -> None:
    finished, discarded = Spreadsheet(NAMES, tmp_path), Spreadsheet(NAMES, tmp_path)
    for writer in (finished, discarded):
        writer.write([["a", "b", "c"]] * 1_000)
    list(finished.finish())

    finished.discard()
    discarded.discard()

    assert list(tmp_path.iterdir()) == []


def test_names_of_columns_become_words() -> None:
    assert titled("startsAt") == "Starts at"
    assert titled("id") == "Id"
