// What an app does with the client of graphql-sse: a line of JSON for each thing that comes of it.
import { createClient } from 'graphql-sse';

const [url, scenario, given] = process.argv.slice(2);
const { token, input } = JSON.parse(given);
const HOLD = `mutation ($input: HoldBookingInput!) {
  holdBooking(input: $input) { booking { status } userErrors { code } }
}`;
const CURSOR = '{ bookings(first: 1) { eventCursor } }';
const CHANGES = `subscription ($after: EventCursor) {
  bookingChanged(after: $after) { __typename ... on BookingChanged { type } }
}`;

const tell = (line) => console.log(JSON.stringify(line));
const client = createClient({
  url,
  headers: token ? { authorization: `Bearer ${token}` } : {},
  retryAttempts: 0,
});

/** All answers to an operation that ends by itself, or what it is refused with. */
function ask(query, variables) {
  const answers = [];
  return new Promise((resolve) => {
    client.subscribe(
      { query, variables },
      {
        next: (answer) => answers.push(answer),
        error: (error) => resolve({ status: error.response?.status ?? String(error) }),
        complete: () => resolve({ answers }),
      },
    );
  });
}

const scenarios = {
  async live() {
    const { answers } = await ask(CURSOR);
    const after = answers[0].data.bookings.eventCursor;
    const events = client.iterate({ query: CHANGES, variables: { after } });
    const held = await ask(HOLD, { input });
    const event = await events.next();
    await events.return();
    tell({ held: held.answers[0].data.holdBooking, event: event.value.data.bookingChanged });
  },

  async mistakes() {
    const outcomes = [];
    for (const query of ['{', '{ nothing }', 'subscription { nothing }', '{ __typename }']) {
      const { answers } = await ask(query);
      outcomes.push(answers.map((answer) => answer.data ?? answer.errors[0].extensions.code));
    }
    tell({ outcomes });
  },

  async stranger() {
    tell(await ask('{ __typename }'));
  },
};

await scenarios[scenario]();
client.dispose();
process.exit(0);
