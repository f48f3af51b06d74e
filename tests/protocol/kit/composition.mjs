// Composes the schema at the path given as a subgraph, with each library in each version of
// federation that it reads: a line of JSON with the names and the complaints of all.
import { readFileSync } from 'node:fs';

import { composeServices as apollo } from '@apollo/composition';
import { composeServices as guild } from '@theguild/federation-composition';
import { parse } from 'graphql';

const sdl = readFileSync(process.argv[2], 'utf8');
const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])';
const versions = { 1: sdl, 2: `${LINK}\n${sdl}` };

const results = {};
for (const [library, compose] of Object.entries({ apollo, guild })) {
  for (const [version, text] of Object.entries(versions)) {
    const { errors, supergraphSdl } = compose([
      { name: 'booking', url: 'http://booking.test/graphql', typeDefs: parse(text) },
    ]);
    results[`${library} ${version}`] = {
      errors: (errors ?? []).map((error) => error.message),
      hasBooking: /^type Booking\b/m.test(supergraphSdl ?? ''),
    };
  }
}
console.log(JSON.stringify(results));
