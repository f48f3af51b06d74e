#!/usr/bin/env bash
# @copilotkit/aimock 1.43.0 (JavaScript)
#
# aimock plays a language model that streams a text in chunks of 20 characters. One would guess that
# a character stays whole. It counts units of UTF-16, so that an emoji may be sent as two halves in
# two events, each valid JSON ("\ud83c", then "\udfa4"). JavaScript joins them without a trace; in
# Python each half is a text that can't be encoded, printed or stored.
#
# It matters to whoever tests a client in another language against it: the half that fails is rare,
# and looks like a fault of the client. Join texts by units of UTF-16.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund --ignore-scripts @copilotkit/aimock@1.43.0

cat >show.mjs <<'NODE'
import { deepEqual } from 'node:assert/strict';
import { LLMock } from '@copilotkit/aimock';

const mock = new LLMock({ port: 0, logLevel: 'silent' });
mock.on({ userMessage: 'hello' }, { content: 'Welcome to karaoke!🎤' });
const answer = await fetch(`${await mock.start()}/v1/responses`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ model: 'm', input: 'hello', stream: true }),
});
const deltas = (await answer.text()).match(/"delta":"[^"]*"/g);
console.log(deltas.join(', '));
deepEqual(deltas, ['"delta":"Welcome to karaoke!\\ud83c"', '"delta":"\\udfa4"']);
await mock.stop();
NODE
node show.mjs
