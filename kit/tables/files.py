"""Writes tables as CSV, JSON lines and spreadsheets, in constant memory."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from kit.tables.cells import Cell, Row, escaped, plain, titled

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

READ_BYTES: Final = 1024 * 1024
MAX_SHEET_ROWS: Final = 1_048_576
"""The most rows of a sheet, its heading included; what follows is on the next sheet."""
MAX_CELL_CHARACTERS: Final = 32_767

# Characters that XML has no way to write.
_NO_XML: Final = str.maketrans({"\ufffe": "\ufffd", "\uffff": "\ufffd"})
_DATE: Final = "yyyy-mm-dd"
_MINUTE: Final = "yyyy-mm-dd hh:mm"


class TableWriter(Protocol):
    """Writes the rows of one table.

    Every call blocks, and must not run at the same time as another one of the same writer.
    """

    def write(self, rows: Sequence[Row]) -> bytes:
        """Adds rows; returns those bytes of the file that are ready."""
        ...

    def finish(self) -> Iterator[bytes]:
        """Yields the other bytes of the file."""
        ...

    def discard(self) -> None:
        """Removes what the writer has stored for the time being."""
        ...


class CsvTable:
    """Comma-separated values in UTF-8, as RFC 4180 describes them, with a heading.

    Null and an empty text are the same. Texts that a spreadsheet would run begin with an
    apostrophe, which ``kit.tables.cells.unescaped`` takes off.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._text = StringIO(newline="")
        self._csv = csv.writer(self._text)
        self._csv.writerow([titled(name) for name in names])

    def write(self, rows: Sequence[Row]) -> bytes:
        self._csv.writerows(
            [escaped(cell) if isinstance(cell, str) else plain(cell) for cell in row]
            for row in rows
        )
        return self._taken()

    def finish(self) -> Iterator[bytes]:
        yield self._taken()

    def discard(self) -> None:
        self._text.close()

    def _taken(self) -> bytes:
        taken = self._text.getvalue().encode()
        self._text.seek(0)
        self._text.truncate()
        return taken


class JsonLines:
    """One JSON object for each row; amounts are decimal strings, as in the API."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def write(self, rows: Sequence[Row]) -> bytes:
        return b"".join(
            orjson.dumps(
                dict(zip(self._names, map(_in_json, row), strict=True)),
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for row in rows
        )

    def finish(self) -> Iterator[bytes]:
        yield b""

    def discard(self) -> None:
        pass


class Spreadsheet:
    """An XLSX workbook, which is built in a folder: it begins with a part that is known last.

    Texts are texts, whatever they begin with. Instants are wall-clock times without a zone, because
    spreadsheets know no other.
    """

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        # Imported here: only jobs write workbooks.
        from xlsxwriter import Workbook

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = TemporaryDirectory(dir=folder)
        self._path = Path(self._folder.name) / "table.xlsx"
        self._book: Any = Workbook(
            str(self._path),
            {"constant_memory": True, "tmpdir": self._folder.name, "strings_to_urls": False},
        )
        self._formats: dict[str, Any] = {}
        self._names = names
        self._sheet, self._next = self._new_sheet(), 1

    def write(self, rows: Sequence[Row]) -> bytes:
        for row in rows:
            if self._next == MAX_SHEET_ROWS:
                self._sheet, self._next = self._new_sheet(), 1
            for place, cell in enumerate(row):
                if cell is not None:
                    self._write(self._next, place, cell)
            self._next += 1
        return b""

    def finish(self) -> Iterator[bytes]:
        from xlsxwriter.exceptions import FileCreateError

        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] from None
        with self._path.open("rb") as file:
            while part := file.read(READ_BYTES):
                yield part

    def discard(self) -> None:
        for sheet in self._book.worksheets():
            if sheet.row_data_fh is not None:
                # On a full disk, what is left to write can't be written.
                with suppress(OSError):
                    sheet.row_data_fh.close()
        # Else the workbook would be written when it is collected.
        self._book.fileclosed = True
        self._folder.cleanup()

    def _new_sheet(self) -> "Worksheet":
        sheet: Worksheet = self._book.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for place, name in enumerate(self._names):
            sheet.write_string(0, place, titled(name), bold)
        return sheet

    def _write(self, row: int, place: int, cell: Cell) -> None:
        sheet = self._sheet
        match cell:
            case str():
                _write_text(sheet, row, place, cell)
            case bool():
                sheet.write_boolean(row, place, cell)
            case Decimal():
                digits = max(0, -int(cell.as_tuple().exponent))
                pattern = f"0.{'0' * digits}" if digits else "0"
                sheet.write_number(row, place, float(cell), self._format(pattern))
            case datetime():
                sheet.write_datetime(row, place, cell.replace(tzinfo=None), self._format(_MINUTE))
            case date():
                sheet.write_datetime(row, place, cell, self._format(_DATE))
            case int():
                sheet.write_number(row, place, cell)

    def _format(self, pattern: str) -> Any:
        if pattern not in self._formats:
            self._formats[pattern] = self._book.add_format({"num_format": pattern})
        return self._formats[pattern]


def _write_text(sheet: "Worksheet", row: int, place: int, text: str) -> None:
    if not text.isascii():
        text = text.translate(_NO_XML)
    if len(text) > MAX_CELL_CHARACTERS // 2:
        text = _cut(text)
    if text.startswith("<r>") and text.endswith("</r>"):
        # The library takes such a text for markup of its own, and wouldn't escape it.
        sheet.write_rich_string(row, place, text[:1], text[1:2], text[2:])
    else:
        sheet.write_string(row, place, text)


def _cut(text: str) -> str:
    """Returns as much of a text as fits a cell, which counts in UTF-16."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_CELL_CHARACTERS:
        return text
    return f"{units[: 2 * (MAX_CELL_CHARACTERS - 1)].decode('utf-16-le', 'ignore')}…"


def _in_json(cell: Cell) -> object:
    return cell if cell is None or isinstance(cell, (str, bool, int)) else plain(cell)
