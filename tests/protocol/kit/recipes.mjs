// What docs/clients.md recommends, done by real clients. It is run beside the recipes of that page.
// Prints a line of JSON for each of them.
import { createServer } from 'node:http';

import { gql } from '@apollo/client';
import { WebSocket, WebSocketServer } from 'ws';

import { createClient as createApollo } from './apollo.js';
import { follow } from './live.js';
import { createClient as createUrql } from './urql.js';

const [url, given] = process.argv.slice(2);
const { sessions, hold, customer, customers } = JSON.parse(given);
const tell = (line) => console.log(JSON.stringify(line));
globalThis.WebSocket ??= WebSocket;

const VIEWER = '{ viewer { role } }';
const ROOMS = '{ rooms { nodes { name } } }';
const HOLD = gql`
  mutation ($input: HoldBookingInput!) {
    holdBooking(input: $input) { booking { id } userErrors { code } }
  }
`;

const BOOK = gql`
  mutation ($input: CreateBookingInput!) {
    createBooking(input: $input) { booking { id version } userErrors { code } }
  }
`;
const GIVE = gql`
  mutation ($id: ID!, $version: Int!, $input: UpdateBookingInput!) {
    updateBooking(id: $id, version: $version, input: $input) { userErrors { code } }
  }
`;

/** Two operations find the token expired at once. */
async function refreshing(ask, session) {
  const { refreshToken } = session;
  const answers = await Promise.all([VIEWER, ROOMS].map(ask));
  tell({
    answers: answers.map(({ data }) => data?.viewer?.role ?? data?.rooms?.nodes.length ?? null),
    isNew: session.refreshToken !== refreshToken,
  });
}

/** An endpoint that is busy once says when to come back. */
async function waiting() {
  let asked = 0;
  const busy = createServer((_, response) => {
    const extensions = { code: 'UNAVAILABLE', retryAfterSeconds: 0.01 };
    const errors = [{ message: 'Busy', extensions }];
    response.setHeader('content-type', 'application/graphql-response+json');
    response.end(JSON.stringify(asked++ ? { data: { ok: true } } : { errors }));
  });
  await new Promise((resolve) => busy.listen(0, '127.0.0.1', resolve));
  const client = createApollo(`http://127.0.0.1:${busy.address().port}`, {}, {});
  const { data } = await client.query({ query: gql('{ ok }') });
  tell({ ok: data.ok, asked });
  busy.close();
}

/** Follows with the recipe: all that was told, and when there are so many. */
function followed(session, cursor, at = url) {
  const seen = [];
  let look = () => {};
  const until = (count) =>
    new Promise((resolve) => {
      look = () => seen.length >= count && resolve();
      look();
    });
  const live = follow(at.replace('http', 'ws'), session, cursor, (event) => {
    seen.push(event);
    look();
  });
  return { seen, until, ...live };
}

/** What was told before the connection broke is not told again. */
async function following(client, session) {
  const book = async (at) => {
    const variables = { input: { ...hold, start: { at } } };
    const { data } = await client.mutate({ mutation: HOLD, variables });
    return data.holdBooking.booking.id;
  };
  const { data } = await client.query({ query: gql('{ bookings(first: 1) { eventCursor } }') });
  const live = followed(session, data.bookings.eventCursor);
  const first = await book('2027-03-02T10:00:00Z');
  await live.until(1);
  live.client.terminate();
  const second = await book('2027-03-02T12:00:00Z');
  await live.until(2);
  tell({ isRight: live.seen.map((event) => event.booking?.id).join() === [first, second].join() });
  live.stop();
}

/** A customer's booking is given to somebody else, and the place in the log moves on with that. */
async function removing(client) {
  const [mine, other] = customers;
  const book = async (at) => {
    const variables = { input: { ...hold, start: { at }, customer: { id: mine } } };
    const { data } = await client.mutate({ mutation: BOOK, variables });
    return data.createBooking.booking;
  };
  const query = gql('{ bookings(last: 1) { eventCursor } }');
  const { data } = await client.query({ query });
  const live = followed(customer, data.bookings.eventCursor);
  const { id, version } = await book('2027-03-03T10:00:00Z');
  await live.until(1);
  const input = { customer: { id: other } };
  await client.mutate({ mutation: GIVE, variables: { id, version, input } });
  await live.until(2);
  live.client.terminate();
  await book('2027-03-03T12:00:00Z');
  await live.until(3);
  tell({
    told: live.seen.map(({ __typename, type }) => (type ? `${__typename} ${type}` : __typename)),
    isTheOneGivenAway: live.seen[1].bookingId === id,
  });
  live.stop();
}

/** An event that could not be read ends nothing. */
async function failing() {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: () => 'graphql-transport-ws',
  });
  const errors = [{ message: 'Something went wrong.', extensions: { code: 'INTERNAL' } }];
  const data = { bookingChanged: { __typename: 'BookingChanged', cursor: 'second' } };
  server.on('connection', (socket) =>
    socket.on('message', (text) => {
      const { id, type } = JSON.parse(text);
      const send = (message) => socket.send(JSON.stringify(message));
      if (type === 'connection_init') send({ type: 'connection_ack' });
      if (type !== 'subscribe') return;
      send({ id, type: 'next', payload: { data: null, errors } });
      send({ id, type: 'next', payload: { data } });
    }),
  );
  await new Promise((resolve) => server.once('listening', resolve));
  const live = followed({}, 'first', `http://127.0.0.1:${server.address().port}`);
  await live.until(1);
  tell({ told: live.seen.map(({ cursor }) => cursor) });
  live.stop();
  server.close();
}

const [apolloSession, urqlSession] = sessions;
const apollo = createApollo(url, apolloSession, {});
const urql = createUrql(url, urqlSession);
await refreshing((query) => apollo.query({ query: gql(query) }), apolloSession);
await refreshing((query) => urql.query(query, {}), urqlSession);
await waiting();
await following(apollo, apolloSession);
await removing(apollo);
await failing();
process.exit(0);
