// The bookings of iCalendar files, one for each argument, as ical.js expands them: a line for each
// file, with the method, the UIDs and all starts and ends.
import { readFileSync } from 'node:fs';
import ICAL from 'ical.js';

const instant = (time) => time.toJSDate().toISOString().replace('.000Z', 'Z');

for (const file of process.argv.slice(2)) {
  const calendar = new ICAL.Component(ICAL.parse(readFileSync(file, 'utf8')));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents('vtimezone')) ICAL.TimezoneService.register(zone);
  const [master, ...exceptions] = calendar.getAllSubcomponents('vevent');
  const event = new ICAL.Event(master, { exceptions, strictExceptions: true });
  const times = [];
  if (event.isRecurring()) {
    const all = event.iterator();
    for (let next = all.next(); next; next = all.next()) {
      const { startDate, endDate } = event.getOccurrenceDetails(next);
      times.push([instant(startDate), instant(endDate)]);
    }
  } else {
    times.push([instant(event.startDate), instant(event.endDate)]);
  }
  const method = calendar.getFirstPropertyValue('method');
  console.log(JSON.stringify([method, event.uid, event.sequence, times.sort()]));
}
