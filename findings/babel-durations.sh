#!/usr/bin/env bash
# Babel 2.18.0
#
# One would guess that format_timedelta tells bookings of 90 and of 150 minutes apart. Both are
# "2 hours": from 85% of a unit on it counts in that unit alone, and rounds half to even. A second
# unit can't be asked for, and a finer granularity changes nothing.
#
# It matters since half hours are what rooms are sold in: the confirmation says "2 hours" for 90
# minutes, and again for 150, while 210 are "4 hours". Write hours and minutes yourself, each by
# format_unit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Babel==2.18.0

"$folder/venv/bin/python" - <<'PYTHON'
from datetime import timedelta

from babel.dates import format_timedelta

told = {
    minutes: format_timedelta(timedelta(minutes=minutes), granularity="minute", locale="en")
    for minutes in (50, 90, 150, 210)
}
print(told)
assert told == {50: "50 minutes", 90: "2 hours", 150: "2 hours", 210: "4 hours"}
PYTHON
