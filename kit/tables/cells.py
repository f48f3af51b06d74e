"""Cells of tables, as text that spreadsheets don't run and programs read back exactly."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

Cell = str | bool | int | Decimal | datetime | date | None
"""A value of a table; an instant is in the zone in which it is shown."""

Row = Sequence[Cell]

# A spreadsheet runs a text that begins with one of these, full-width forms included, as a formula.
# After apostrophes too: one of them is taken off again when the file is read.
_RUNS: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def escaped(text: str) -> str:
    """Puts an apostrophe before a text that a spreadsheet would run as a formula."""
    return f"'{text}" if _RUNS.match(text) else text


def unescaped(text: str) -> str:
    """Returns the text that ``escaped`` was called with."""
    return text[1:] if text.startswith("'") and _RUNS.match(text) else text


def plain(cell: Cell) -> str:
    """Writes a cell as text: numbers with all their digits, instants with their UTC offset."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case Decimal():
            return format(cell, "f")
        case datetime():
            # To the millisecond, as instants are stored.
            return cell.isoformat(timespec="milliseconds" if cell.microsecond else "seconds")
        case date():
            return cell.isoformat()
        case int():
            return str(cell)


def titled(name: str) -> str:
    """Returns the name of a column as words: "Starts at" for ``startsAt``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
