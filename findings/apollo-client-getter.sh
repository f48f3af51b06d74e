#!/usr/bin/env bash
# @apollo/client 4.3.8 with graphql-ws 6.4.2
#
# After a lost connection graphql-ws subscribes again by itself, with the very payload that it was
# given. Its serialisation reads a getter anew, so "get after() { return cursor; }" in the variables
# goes on from the last event. One would guess that this works through Apollo's GraphQLWsLink too.
# Apollo copies the variables when the subscription starts: the getter is read once, and each
# reconnection asks again for all that was told since the first cursor.
#
# It matters for live calendars: whoever has followed for a day gets the whole day again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund @apollo/client@4.3.8 graphql@16.15.0 graphql-ws@6.4.2 \
  rxjs@7.8.2 ws@8.23.0

cat >show.mjs <<'NODE'
import { deepEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import { WebSocket, WebSocketServer } from 'ws';

const LIVE = 'subscription ($after: Int) { told(after: $after) }';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
await once(server, 'listening');
const url = `ws://127.0.0.1:${server.address().port}`;

/** What the server is asked for at first, and after it has told 7 and lost the connection. */
async function asked(subscribe) {
  let cursor = 1;
  const variables = { get after() { return cursor; } };
  const client = createClient({ url, webSocketImpl: WebSocket, retryWait: async () => {} });
  const seen = [];
  const done = new Promise((resolve) => {
    server.removeAllListeners('connection').on('connection', (socket) => {
      socket.on('message', (text) => {
        const { type, id, payload } = JSON.parse(text);
        if (type === 'connection_init') socket.send('{"type":"connection_ack"}');
        if (type !== 'subscribe') return;
        seen.push(payload.variables.after);
        if (seen.length === 2) return resolve(seen);
        socket.send(JSON.stringify({ type: 'next', id, payload: { data: { told: 7 } } }));
        setTimeout(() => socket.close(1012), 100);
      });
    });
  });
  subscribe(client, variables, (told) => { cursor = told; });
  await done;
  await client.dispose();
  return seen;
}

const socket = await asked((client, variables, tell) => {
  const next = ({ data }) => tell(data.told);
  client.subscribe({ query: LIVE, variables }, { next, error: () => {}, complete: () => {} });
});
const apollo = await asked((client, variables, tell) => {
  const link = new GraphQLWsLink(client);
  new ApolloClient({ link, cache: new InMemoryCache() })
    .subscribe({ query: gql(LIVE), variables }).subscribe(({ data }) => data && tell(data.told));
});
console.log('Asked after, by graphql-ws alone:', socket, '; through Apollo Client:', apollo);
deepEqual([socket, apollo], [[1, 7], [1, 1]]);
process.exit();
NODE
node show.mjs
