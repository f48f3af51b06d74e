#!/usr/bin/env bash
# rrule 2.8.1 (JavaScript)
#
# RFC 5545 wants UNTIL in UTC where DTSTART has a zone, and calendars write EXDATE in UTC too. One
# would guess that these are compared as instants. rrule.js compares their digits with the local
# wall clock: in Berlin, a series at 19:00 (18:00Z) until 18:00Z of its last day ends a day early,
# and 18:00Z of a day that is struck out strikes out nothing.
#
# It matters for imported calendars: the last meeting is missing, so that its room can be booked,
# and one that was cancelled still blocks it. No error is raised.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund rrule@2.8.1

cat >show.mjs <<'NODE'
import { deepEqual } from 'node:assert/strict';
import rrule from 'rrule';

const days = (...lines) => {
  const text = ['DTSTART;TZID=Europe/Berlin:20270104T190000', ...lines].join('\n');
  return rrule.rrulestr(text, { forceset: true }).all().map((each) => each.getUTCDate());
};
const until = days('RRULE:FREQ=DAILY;UNTIL=20270107T180000Z');
const struckInUtc = days('RRULE:FREQ=DAILY;COUNT=4', 'EXDATE:20270105T180000Z');
const struckLocally = days('RRULE:FREQ=DAILY;COUNT=4', 'EXDATE;TZID=Europe/Berlin:20270105T190000');

console.log('Until 18:00Z of the 7th:', until, '(the RFC: 4, 5, 6, 7)');
console.log('The 5th struck out in UTC:', struckInUtc, '; in local time:', struckLocally);
deepEqual(until, [4, 5, 6]);
deepEqual(struckInUtc, [4, 5, 6, 7]);
deepEqual(struckLocally, [4, 6, 7]);
NODE
TZ=UTC node show.mjs
