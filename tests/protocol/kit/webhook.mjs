// Verifies webhooks by npm's standardwebhooks: each line of a file has a secret, headers and a body.
import { readFileSync } from 'node:fs';

import { Webhook } from 'standardwebhooks';

for (const line of readFileSync(process.argv[2], 'utf8').trim().split('\n')) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ verified: new Webhook(secret).verify(body, headers) }));
  } catch (error) {
    console.log(JSON.stringify({ refused: error.message }));
  }
}
