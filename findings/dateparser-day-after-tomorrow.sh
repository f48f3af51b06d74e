#!/usr/bin/env bash
# dateparser 1.5.0
#
# One would guess that a text whose date isn't known gives no date. In Spanish "pasado mañana", the
# day after tomorrow, gives tomorrow: search_dates knows "mañana" alone, and drops the word before
# it. Of the English "Friday week" it keeps "Friday", a week too early. parse returns None for both,
# but for the French "vendredi en huit", the Friday of next week, the 8th, a Tuesday.
#
# It matters since the answer looks like any other one: the guests come a day early. Refuse a text
# if words beside the found ones may change the date, and test with the phrases of each language.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dateparser==1.5.0

"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime

from dateparser import parse
from dateparser.search import search_dates

# A Wednesday.
settings = {"RELATIVE_BASE": datetime(2026, 12, 2, 10), "PREFER_DATES_FROM": "future"}


def found(text, language):
    ((words, at),) = search_dates(text, languages=[language], settings=settings)
    return words, f"{at:%a %d %b}"


told = {
    "pasado mañana": found("pasado mañana", "es"),
    "Friday week": found("Friday week", "en"),
}
in_french = f"{parse('vendredi en huit', languages=['fr'], settings=settings):%a %d %b}"
print(told, "vendredi en huit:", in_french)
assert told == {
    "pasado mañana": ("mañana", "Thu 03 Dec"),
    "Friday week": ("Friday", "Fri 04 Dec"),
}
assert in_french == "Tue 08 Dec"
for text, language in (("pasado mañana", "es"), ("Friday week", "en")):
    assert parse(text, languages=[language], settings=settings) is None
PYTHON
