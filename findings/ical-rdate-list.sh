#!/usr/bin/env bash
# icalendar 7.3.0 (Python) read by ical.js 2.2.0 (Thunderbird's library)
#
# add_missing_timezones() describes a zone by all its changes, as one RDATE with a list of dates.
# One would guess that any reader takes a list that RFC 5545 allows. Of each RDATE property in a
# VTIMEZONE, ical.js takes the first date alone: by its reading New York had its last summer time
# in 1971, and what is booked for 19:00 in July is shown an hour late. Nothing is reported.
#
# It matters for every invitation and feed: it is right in the winter in which it is tested. One
# date a property, or an RRULE, is read rightly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet icalendar==7.3.0 tzdata==2026.6
npm install --silent --no-audit --no-fund ical.js@2.2.0

venv/bin/python - <<'PYTHON'
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

event = Event()
event.add("uid", "1")
event.add("dtstamp", datetime(2027, 1, 1, tzinfo=UTC))
event.add("dtstart", datetime(2027, 7, 5, 19, tzinfo=ZoneInfo("America/New_York")))
calendar = Calendar()
calendar.add_component(event)
calendar.add_missing_timezones()
listed = calendar.to_ical().decode().replace("\r\n ", "")
Path("list.ics").write_text(listed)
single = re.sub(r"RDATE:(.*)", lambda found: "RDATE:" + found[1].replace(",", "\nRDATE:"), listed)
Path("single.ics").write_text(single)
PYTHON

cat >show.mjs <<'NODE'
import { deepEqual } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import ICAL from 'ical.js';

const [listed, single] = ['list.ics', 'single.ics'].map((name) => {
  const calendar = new ICAL.Component(ICAL.parse(readFileSync(name, 'utf8')));
  const start = calendar.getFirstSubcomponent('vevent').getFirstPropertyValue('dtstart');
  start.zone = new ICAL.Timezone(calendar.getFirstSubcomponent('vtimezone'));
  return start.toJSDate().toISOString().slice(11, 16);
});
console.log(`19:00 in July in New York: ${listed}Z by one list, ${single}Z by single dates.`);
deepEqual([listed, single], ['00:00', '23:00']);
NODE
node show.mjs
