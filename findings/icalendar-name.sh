#!/usr/bin/env bash
# icalendar 7.3.2
#
# The name of a calendar is a text with escapes, like the summary of an event: NAME by RFC 7986,
# and X-WR-CALNAME in the files of Google and Apple. One would guess that icalendar reads both kinds
# alike. Summaries come unescaped; of names the backslashes stay, and a program that shows the name
# shows them. The file is written again as it was.
#
# It matters for whoever imports or renames subscribed calendars: "Hall 1, left" is a usual name.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet icalendar==7.3.2

"$folder/venv/bin/python" - <<'PYTHON'
from icalendar import Calendar

FILE = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//example//example//EN",
        r"NAME:Hall 1\, left",
        r"X-WR-CALNAME:Hall 1\, left",
        "BEGIN:VEVENT",
        "UID:1@example.org",
        "DTSTAMP:20270101T000000Z",
        "DTSTART:20270101T100000Z",
        r"SUMMARY:Hall 1\, left",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
)
calendar = Calendar.from_ical(FILE)
(event,) = calendar.walk("VEVENT")
print(f"SUMMARY is {event['SUMMARY']!s}, NAME is {calendar['NAME']!s},", end=" ")
print(f"X-WR-CALNAME is {calendar['X-WR-CALNAME']!s}.")
assert r"NAME:Hall 1\, left" in calendar.to_ical().decode().splitlines()
assert str(event["SUMMARY"]) == "Hall 1, left"
assert str(calendar["NAME"]) == str(calendar["X-WR-CALNAME"]) == r"Hall 1\, left"
PYTHON
