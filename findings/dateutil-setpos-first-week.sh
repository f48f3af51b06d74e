#!/usr/bin/env bash
# python-dateutil 4.0.0
#
# "The second of Monday, Wednesday and Friday" is FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2: Wednesdays.
# BYSETPOS counts in the set of the whole interval, here the week, so a series that starts on a
# Wednesday has one Wednesday after the other. dateutil begins its first week with the start: there
# the Wednesday is the first of what is left and isn't chosen, but the Friday is. All later weeks
# have their Wednesdays. In MONTHLY rules it counts from the first of the month, as one would guess.
#
# It matters for series: the first date isn't the one that was asked for, and one is left over.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv env
env/bin/pip install --quiet python-dateutil==4.0.0

cat >show.py <<'PYTHON'
from dateutil.rrule import rrulestr


def dates(start, rule):
    return [f"{each:%a %d %b}" for each in rrulestr(f"DTSTART:{start}T190000\nRRULE:{rule};COUNT=3")]


weekly = dates("20270303", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2")
monthly = dates("20270308", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=2")
print("Weekly from Wednesday on:", weekly, "; monthly from the second Monday on:", monthly)
assert weekly == ["Fri 05 Mar", "Wed 10 Mar", "Wed 17 Mar"]
assert monthly == ["Mon 08 Mar", "Mon 12 Apr", "Mon 10 May"]
PYTHON
env/bin/python show.py
