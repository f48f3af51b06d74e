#!/usr/bin/env bash
# ical.js 2.2.1
#
# "Every third month, if that is February or March, on the 17th" is a rule that calendars can export:
# FREQ=MONTHLY;INTERVAL=3;BYMONTH=2,3;BYMONTHDAY=17. From March on the months are June, September,
# December and March again, so one would guess one date a year. ical.js goes from each month to the
# next one of BYMONTH, whatever the interval: February and March of every year, without an error.
#
# It matters for imported calendars: a series that takes a room once a year is shown twice a year.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund ical.js@2.2.1

cat >show.mjs <<'NODE'
import { deepEqual } from 'node:assert/strict';
import ICAL from 'ical.js';

function dates(rule) {
  const iterator = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromDateString('2027-03-17'));
  return [1, 2, 3].map(() => iterator.next().toString());
}

const every = dates('FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=17;UNTIL=20331231');
const some = dates('FREQ=MONTHLY;INTERVAL=3;BYMONTH=2,3;BYMONTHDAY=17;UNTIL=20331231');
console.log('Every third month:', every, '; if it is February or March:', some);
deepEqual(every, ['2027-03-17', '2027-06-17', '2027-09-17']);
deepEqual(some, ['2027-03-17', '2028-02-17', '2028-03-17']);
NODE
node show.mjs
