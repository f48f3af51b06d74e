import articles from "./examples/Articles.graphql?raw";
import asOf from "./examples/AsOf.graphql?raw";
import assistant from "./examples/Assistant.graphql?raw";
import book from "./examples/Book.graphql?raw";
import customers from "./examples/Customers.graphql?raw";
import feed from "./examples/Feed.graphql?raw";
import figures from "./examples/Figures.graphql?raw";
import freeSlots from "./examples/FreeSlots.graphql?raw";
import importFile from "./examples/Import.graphql?raw";
import inbox from "./examples/Inbox.graphql?raw";
import live from "./examples/Live.graphql?raw";
import logIn from "./examples/LogIn.graphql?raw";
import message from "./examples/Message.graphql?raw";
import offers from "./examples/Offers.graphql?raw";
import quote from "./examples/Quote.graphql?raw";
import rooms from "./examples/Rooms.graphql?raw";
import series from "./examples/Series.graphql?raw";
import tickets from "./examples/Tickets.graphql?raw";
import undo from "./examples/Undo.graphql?raw";
import wait from "./examples/Wait.graphql?raw";
import webhook from "./examples/Webhook.graphql?raw";
import week from "./examples/Week.graphql?raw";
import { PLACEHOLDER } from "./token.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
// On the half hour: instants to the millisecond are hard to read.
const now = Math.ceil(Date.now() / (30 * MINUTE)) * 30 * MINUTE;
const instant = (time) => new Date(time).toISOString().replace(".000Z", "Z");
const date = (time) => new Date(time).toISOString().slice(0, 10);

export const defaultHeaders = `// ${PLACEHOLDER} is the token of your last LogIn on
// this page; the header is left out until then. Or write
// a token or API key here. Headers are not stored.
{
  "Authorization": "Bearer ${PLACEHOLDER}"
}
`;

const tab = (query, variables) => ({ query, variables: JSON.stringify(variables, null, 2) });

/** What a newcomer does first, a tab each. The times are relative to the first visit. */
export const defaultTabs = [
  // GraphiQL shows no variables of the first tab: this one has none.
  { query: logIn },
  tab(week, { from: instant(now), to: instant(now + 7 * DAY) }),
  tab(freeSlots, {
    query: {
      from: instant(now),
      to: instant(now + 2 * DAY),
      durationMinutes: 60,
      partySize: 4,
      // It has a default, but the editor takes what can't be null for missing.
      includeUnavailable: false,
    },
  }),
  tab(quote, {
    input: {
      roomId: "an id from FreeSlots",
      start: { local: { date: date(now + 2 * DAY), time: "19:00" } },
      durationMinutes: 60,
      partySize: 4,
      couponCode: "WELCOME10",
      // As above.
      alsoRoomIds: [],
    },
  }),
  tab(book, {
    input: {
      roomId: "an id from FreeSlots",
      start: { local: { date: date(now + 2 * DAY), time: "19:00" } },
      durationMinutes: 60,
      partySize: 4,
      customer: { new: { name: "A guest", email: "guest@example.com" } },
      note: "Birthday",
      // As above.
      alsoRoomIds: [],
      dryRun: false,
    },
  }),
  tab(series, {
    rrule: "FREQ=WEEKLY;COUNT=8",
    start: { date: date(now + 2 * DAY), time: "19:00" },
    durationMinutes: 60,
    roomId: null,
  }),
  tab(wait, {
    input: {
      dates: {
        first: date(now + DAY),
        last: date(now + 7 * DAY),
        earliest: "18:00",
        latest: "23:00",
      },
      durationMinutes: 120,
      partySize: 4,
      customer: { new: { name: "A guest", email: "guest@example.com" } },
      // As above.
      dryRun: false,
    },
  }),
  tab(undo, { bookingId: "an id from Week", version: 1, dryRun: true }),
  { query: rooms },
  { query: offers },
  tab(articles, { text: "How can I cancel?", locale: "en", first: 3 }),
  tab(customers, { filter: { tag: "regular" } }),
  tab(feed, { input: { detail: "FULL", roomId: null, customerId: null } }),
  tab(message, { kind: "BOOKING_CONFIRMED", channel: "SMS", locale: "de", bookingId: null }),
  // It has a default, but the editor takes what can't be null for missing.
  tab(inbox, { unreadOnly: false }),
  { query: tickets },
  tab(assistant, { message: "Which rooms are free tomorrow evening?", conversationId: null }),
  tab(webhook, {
    input: {
      url: "https://example.com/hooks",
      eventTypes: ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"],
    },
  }),
  tab(importFile, {
    // As above.
    input: {
      kind: "CUSTOMERS",
      format: "CSV",
      dryRun: true,
      mapping: [],
      timeZones: [],
      overrideRules: false,
      notify: false,
    },
  }),
  tab(figures, { span: { from: date(now - 28 * DAY), until: date(now) } }),
  // A minute ago: there is no calendar of the future.
  tab(asOf, { asOf: instant(Math.floor(Date.now() / MINUTE - 1) * MINUTE) }),
  tab(live, { after: null }),
];
