#!/usr/bin/env bash
# xlsxwriter 3.3.1, read by openpyxl 3.1.5
#
# A report has a row for each booking, with the address of its page. One would guess that all rows
# arrive, or that the report fails. `write` makes a link of each address, and a sheet can have 65,530
# of them: from then on it writes nothing into the cell, not even the text, and says so by a warning
# and a return value. The file opens, and those cells are empty.
#
# It matters for long reports: the last rows lose a column. `write_string` writes the text of any
# number of addresses.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet xlsxwriter==3.3.1 openpyxl==3.1.5

venv/bin/python -W ignore - <<'PYTHON'
import openpyxl
import xlsxwriter

LIMIT = 65_530


def written(name, *, as_text):
    with xlsxwriter.Workbook(name, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        write = sheet.write_string if as_text else sheet.write
        for row in range(LIMIT + 3):
            sheet.write(row, 0, row)
            write(row, 1, f"https://venue.test/bookings/{row}")
    rows = openpyxl.load_workbook(name, read_only=True).active.iter_rows(values_only=True)
    return [row[1] if len(row) > 1 else None for row in rows]


links, texts = written("links.xlsx", as_text=False), written("texts.xlsx", as_text=True)
print("Rows:", len(links), "; empty as links:", links.count(None), "; as text:", texts.count(None))
assert len(links) == len(texts) == LIMIT + 3
assert links.count(None) == 3 and links[-4] is not None
assert texts.count(None) == 0
PYTHON
