// What an app does with the client of graphql-ws: a line of JSON for each thing that comes of it.
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

const [url, scenario, given] = process.argv.slice(2);
const { tokens = [], input } = JSON.parse(given);
const HOLD = `mutation ($input: HoldBookingInput!) {
  holdBooking(input: $input) { booking { status } userErrors { code } }
}`;
const CURSOR = '{ bookings(first: 1) { eventCursor } }';
const CHANGES = `subscription ($after: EventCursor) {
  bookingChanged(after: $after) { __typename ... on BookingChanged { type } }
}`;

const seen = { opened: 0, closed: [] };
const tell = (line) => console.log(JSON.stringify(line));

function connect(options = {}) {
  return createClient({
    url,
    webSocketImpl: WebSocket,
    // The first token is for the first connection, the last for all that follow.
    connectionParams: () => {
      const token = tokens[Math.min(seen.opened, tokens.length) - 1];
      return token ? { authorization: `Bearer ${token}` } : {};
    },
    retryWait: async () => {},
    ...options,
    on: {
      opened: () => (seen.opened += 1),
      closed: (event) => seen.closed.push(event.code),
      ...options.on,
    },
  });
}

/** The only answer of a query or mutation, or the errors or close event that it ends with. */
function ask(client, query, variables, operationName) {
  return new Promise((resolve) => {
    let answer;
    client.subscribe(
      { query, variables, operationName },
      {
        next: (value) => (answer = value),
        error: (error) => resolve({ refused: error.map?.((e) => e.extensions.code) ?? error.code }),
        complete: () => resolve(answer),
      },
    );
  });
}

const scenarios = {
  async live() {
    const client = connect({ lazy: false });
    const cursor = (await ask(client, CURSOR)).data.bookings.eventCursor;
    const events = client.iterate({ query: CHANGES, variables: { after: cursor } });
    const held = await ask(client, HOLD, { input });
    const event = await events.next();
    await events.return();
    tell({ held: held.data.holdBooking, event: event.value.data.bookingChanged, ...seen });
    await client.dispose();
  },

  async several() {
    const client = connect({ lazy: false });
    const names = Array.from({ length: 20 }, (_, number) => `answer${number}`);
    const answers = await Promise.all(
      names.map((name) => ask(client, `{ ${name}: tenant { currency: currencyCode } }`)),
    );
    tell({ answers: answers.map((answer) => Object.keys(answer.data)[0]), opened: seen.opened });
    await client.dispose();
  },

  async mistakes() {
    const client = connect({ lazy: false });
    const answers = await Promise.all([
      ask(client, '{'),
      ask(client, '{ __typename }', {}, 'Unknown'),
      ask(client, '{ nothing }'),
      ask(client, 'query ($id: ID!) { room(id: $id) { name } }', {}),
      ask(client, '{ __typename }'),
    ]);
    tell({ answers: answers.map((answer) => answer.refused ?? answer.data), ...seen });
    await client.dispose();
  },

  async pings() {
    const pongs = [];
    const client = connect({
      lazy: false,
      keepAlive: 20,
      on: {
        connected: (socket) => socket.send('{"type": "ping", "payload": {"n": [1, null]}}'),
        pong: (received, payload) => received && pongs.push(payload ?? null),
      },
    });
    while (pongs.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    tell({ pongs: pongs.slice(0, 3), ...seen });
    await client.dispose();
  },

  async reconnect() {
    const client = connect({ lazyCloseTimeout: 60_000 });
    const cursor = (await ask(client, CURSOR)).data.bookings.eventCursor;
    const events = client.iterate({ query: CHANGES, variables: { after: cursor } });
    await ask(client, HOLD, { input });
    const before = await events.next();
    tell({ event: before.value.data.bookingChanged });
    // The test ends the credentials now, or here the network goes.
    if (tokens.length === 1) client.terminate();
    const after = await events.next();
    tell({ event: after.value.data.bookingChanged, ...seen });
    await client.dispose();
  },

  async stranger() {
    const client = connect({ retryAttempts: 0 });
    tell({ answer: await ask(client, '{ __typename }'), ...seen });
  },
};

await scenarios[scenario]();
process.exit(0);
