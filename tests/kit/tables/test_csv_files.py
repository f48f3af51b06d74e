"""CSV files are read whatever has written them."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.tables.csv_files import read_csv
from kit.tables.decoding import UnreadableFile, decoded
from kit.tables.files import CsvTable

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)


@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3).filter(any), max_size=5))
def test_what_our_exports_write_is_read_back(rows: list[list[str]]) -> None:
    table = CsvTable(["name", "email", "phone"])
    content = table.write(rows) + b"".join(table.finish())

    read = read_csv(decoded(content))

    assert read.headings == ["Name", "Email", "Phone"]
    assert [list(row.cells) for row in read.rows] == rows


@given(
    st.lists(st.lists(TEXTS, min_size=3, max_size=3).filter(any), max_size=5),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_any_separator_is_found(rows: list[list[str]], separator: str) -> None:
    text = StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(
        [["Name", "Email", "Phone"], *rows]
    )

    assert len(read_csv(text.getvalue()).rows) == len(rows)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_any_usual_encoding_is_read(encoding: str) -> None:
    assert decoded("Name;Café\nZoë;Müller\n".encode(encoding)) == "Name;Café\nZoë;Müller\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PK\x03\x04\x00", "workbook"),
        (b"", "empty"),
        (b"Name\nA\x00da\n", "zero bytes"),
        (b"\x81\x8d\x8f", "not text"),
        (b'Name\n"Ada\n', "begins on line 2"),
        (b'Name\nBob\n"Ada"x\n', "begins on line 3"),
    ],
    ids=["workbook", "empty", "zeros", "binary", "open-quote", "after-quote"],
)
def test_what_is_no_table_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(UnreadableFile, match=problem):
        read_csv(decoded(content))


def test_rows_know_their_first_line() -> None:
    read = read_csv('sep=;\nName;Note\n\nAda;"two\nlines"\nBob;\n')

    assert [(row.line, row.cells) for row in read.rows] == [
        (4, ["Ada", "two\nlines"]),
        (6, ["Bob", ""]),
    ]


def test_a_cell_of_ten_megabytes_is_read() -> None:
    read = read_csv(f"Name,Note\nAda,{'x' * 10_000_000}\n")

    assert len(read.rows[0].cells[1]) == 10_000_000
