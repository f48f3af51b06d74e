// The first dates of recurrence rules as ical.js has them: a line for each rule of a JSON file.
import { readFileSync } from 'node:fs';
import ICAL from 'ical.js';

for (const { rule, first, count } of JSON.parse(readFileSync(process.argv[2]))) {
  const iterator = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromDateString(first));
  const dates = [];
  for (let date = iterator.next(); date && dates.length < count; date = iterator.next()) {
    if (date.toString() >= first) dates.push(date.toString());
  }
  console.log(JSON.stringify(dates));
}
