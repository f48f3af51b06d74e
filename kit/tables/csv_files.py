"""Reads comma-separated values, whatever separates them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

from kit.tables.cells import unescaped
from kit.tables.decoding import UnreadableFile

# The module's own limit, of 128 KiB, would end the reading at the first long cell.
csv.field_size_limit(2**31 - 1)

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLED_ROWS: Final = 20
_SAMPLED_CHARACTERS: Final = 100_000


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row with the line of the file on which it begins, from 1."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """The headings of a file, and its rows without empty ones."""

    headings: Sequence[str]
    rows: Sequence[CsvRow]


def read_csv(text: str) -> CsvFile:
    """Parses a file with a heading.

    Cells are stripped, and lose the apostrophe that our own exports put before formulas. Raises
    UnreadableFile.
    """
    first_line = 1
    if text[:4].lower() == "sep=" and text[4:5] in _DELIMITERS:
        # Excel writes the separator into a line of its own.
        delimiter = text[4]
        text, first_line = text.partition("\n")[2], 2
    else:
        delimiter = _delimiter(text)
    rows = _rows(text, delimiter, first_line)
    if not rows:
        raise UnreadableFile("The file has no rows.")
    return CsvFile(rows[0].cells, rows[1:])


def _delimiter(text: str) -> str:
    """Returns the separator by which most of the first rows have as many cells as the heading."""
    sample = text[:_SAMPLED_CHARACTERS]

    def fitness(delimiter: str) -> tuple[int, int]:
        reader = csv.reader(StringIO(sample, newline=""), delimiter=delimiter)
        rows = [row for row, _ in zip(reader, range(_SAMPLED_ROWS), strict=False) if any(row)]
        columns = len(rows[0]) if rows else 0
        return (sum(len(row) == columns for row in rows) if columns > 1 else 0, columns)

    return max(_DELIMITERS, key=fitness)


def _rows(text: str, delimiter: str, first_line: int) -> list[CsvRow]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[CsvRow] = []
    while True:
        line = first_line + reader.line_num
        try:
            row = next(reader, None)
        except csv.Error as error:
            problem = f"The row that begins on line {line} isn't well-formed: {error}."
            raise UnreadableFile(problem) from None
        if row is None:
            return rows
        cells = [unescaped(cell.strip()) for cell in row]
        if any(cells):
            rows.append(CsvRow(line, cells))
