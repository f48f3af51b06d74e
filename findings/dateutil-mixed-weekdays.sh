#!/usr/bin/env bash
# python-dateutil 4.0.0
#
# RFC 5545 lets BYDAY mix weekdays with and without a number: "every Monday, and the second Tuesday"
# is BYDAY=MO,2TU. The values of one part are alternatives, so one would guess both kinds of days.
# dateutil keeps the two kinds apart and demands both at once: the rule is valid, and has no dates.
# With 2MO beside MO it has only the second Mondays.
#
# It matters for series: the calendar says that nothing conflicts, as nothing is there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv env
env/bin/pip install --quiet python-dateutil==4.0.0

cat >show.py <<'PYTHON'
from dateutil.rrule import rrulestr

START = "DTSTART:20270301T190000\nRRULE:FREQ=MONTHLY;UNTIL=20270401T000000;BYDAY="


def days(by_day):
    return [each.day for each in rrulestr(START + by_day)]


print("Mondays:", days("MO"), "second Tuesday:", days("2TU"), "both:", days("MO,2TU"))
print("Mondays and the second Monday:", days("MO,2MO"))
assert days("MO") == [1, 8, 15, 22, 29] and days("2TU") == [9]
assert days("MO,2TU") == []
assert days("MO,2MO") == [8]
PYTHON
env/bin/python show.py
