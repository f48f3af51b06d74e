// The events of an iCalendar file as ical.js reads them: a line for each.
import { readFileSync } from 'node:fs';
import ICAL from 'ical.js';

const calendar = new ICAL.Component(ICAL.parse(readFileSync(process.argv[2], 'utf8')));
for (const component of calendar.getAllSubcomponents('vevent')) {
  const event = new ICAL.Event(component);
  const instant = (time) => time.toJSDate().toISOString().replace('.000Z', 'Z');
  console.log(
    JSON.stringify([
      event.uid,
      instant(event.startDate),
      instant(event.endDate),
      event.sequence,
      event.summary,
      event.location,
      event.description,
    ]),
  );
}
