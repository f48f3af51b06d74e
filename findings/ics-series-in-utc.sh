#!/usr/bin/env bash
# ics 0.7.3 (ics.py)
#
# A weekly evening, 19:00 in Berlin from 5 March on, is read from a calendar and written again
# unchanged. One would guess that it stays at 19:00. ics writes its start in UTC, 18:00, and keeps the
# rule: from the end of March on, the evening is at 20:00 in every calendar that reads the file.
#
# It matters for feeds and imports that pass through this package: single bookings are right, and
# series move by an hour with the next change of the clocks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ics==0.7.3 icalendar==7.3.2 recurring-ical-events==3.8.2

"$folder/venv/bin/python" - <<'PYTHON'
from datetime import date
from zoneinfo import ZoneInfo

import icalendar
import ics
import recurring_ical_events

lines = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//venue//calendar//EN
CALSCALE:GREGORIAN
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:evening@venue.test
DTSTAMP:20270101T000000Z
DTSTART;TZID=Europe/Berlin:20270305T190000
DTEND;TZID=Europe/Berlin:20270305T210000
RRULE:FREQ=WEEKLY;COUNT=10
SUMMARY:Quiz evening
END:VEVENT
END:VCALENDAR
"""


def hours(text):
    calendar = icalendar.Calendar.from_ical(text)
    events = recurring_ical_events.of(calendar).between(date(2027, 3, 1), date(2027, 6, 1))
    starts = sorted(event["DTSTART"].dt.astimezone(ZoneInfo("Europe/Berlin")) for event in events)
    return [start.hour for start in starts]


before = lines.replace("\n", "\r\n")
after = ics.Calendar(before).serialize()
print("Starts in Berlin before:", hours(before), "and after:", hours(after))
assert hours(before) == [19] * 10
assert hours(after) == [19] * 4 + [20] * 6
PYTHON
