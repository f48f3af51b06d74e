#!/usr/bin/env bash
# ics 0.7.3 (ics.py), read by recurring-ical-events 3.8.2
#
# A calendar without a CALSCALE, which is Gregorian by the standard, is read and written again. One
# would guess that it still has none, or GREGORIAN. ics adds "CALSCALE:GEORGIAN". Most readers ignore
# the property; recurring-ical-events refuses the whole calendar.
#
# It matters for feeds that pass through this package: they work everywhere but with a strict reader,
# whose message doesn't name the cause. A CALSCALE that is there is kept.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ics==0.7.3 icalendar==7.3.2 recurring-ical-events==3.8.2

"$folder/venv/bin/python" - <<'PYTHON'
import icalendar
import ics
import recurring_ical_events

lines = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//venue//calendar//EN
BEGIN:VEVENT
UID:evening@venue.test
DTSTAMP:20270101T000000Z
DTSTART:20270305T180000Z
DTEND:20270305T200000Z
SUMMARY:Quiz evening
END:VEVENT
END:VCALENDAR
"""


def events(text):
    calendar = icalendar.Calendar.from_ical(text)
    return recurring_ical_events.of(calendar).at((2027, 3, 5))


before = lines.replace("\n", "\r\n")
after = ics.Calendar(before).serialize()
print("Added:", set(after.splitlines()) - set(before.splitlines()))
assert "CALSCALE:GEORGIAN" in after.splitlines()
assert len(events(before)) == 1
try:
    events(after)
except recurring_ical_events.InvalidCalendar as error:
    print("Refused:", error)
else:
    raise AssertionError("The calendar was read.")
PYTHON
