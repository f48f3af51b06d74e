#!/usr/bin/env bash
# standardwebhooks 1.0.0 (JavaScript)
#
# verify(body, headers) is called in a handler, where headers are a Headers object in everything
# that speaks fetch: Next.js, Deno, Bun, Hono, Cloudflare. One would guess that it is taken. The
# library reads own properties, of which Headers has none: a rightly signed message is refused with
# "Missing required headers". Object.fromEntries(headers) is taken.
#
# It matters to whoever receives webhooks by the standard's own library: the message blames the
# sender, and a sender that is answered with an error tries again for days.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund standardwebhooks@1.0.0

cat >show.mjs <<'NODE'
import { deepEqual, throws } from 'node:assert/strict';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(Buffer.from('a secret of a demonstration').toString('base64'));
const body = '{"type":"booking.cancelled"}';
const now = new Date();
const headers = new Headers({
  'webhook-id': 'msg_1',
  'webhook-timestamp': String(Math.floor(now / 1000)),
  'webhook-signature': webhook.sign('msg_1', now, body),
});

deepEqual(webhook.verify(body, Object.fromEntries(headers)), JSON.parse(body));
throws(() => webhook.verify(body, headers), { message: 'Missing required headers' });
console.log('One message: taken with a plain object, "Missing required headers" with Headers.');
NODE
node show.mjs
