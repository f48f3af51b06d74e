#!/usr/bin/env bash
# @apollo/composition 2.14.4 with graphql 16.15.0
#
# @oneOf is part of GraphQL's specification since September 2025, and built into graphql-js. One
# would guess that a subgraph may use it like @deprecated. Composition doesn't know it: SDL printed
# from an introspected schema is refused, since graphql-js prints no definitions of built-in
# directives. Once the SDL defines it, the subgraph composes without a hint, but the supergraph has
# lost it: a plain input type whose fields are all optional.
#
# It matters for "a new customer or one that is known": clients of the supergraph may send both or
# neither, their tools offer both, and the refusal comes only from the subgraph.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund graphql@16.15.0 @apollo/composition@2.14.4

cat >show.mjs <<'NODE'
import { deepEqual } from 'node:assert/strict';
import { composeServices } from '@apollo/composition';
import {
  buildClientSchema, buildSchema, introspectionFromSchema, parse, printSchema,
} from 'graphql';

const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9")';
const DEFINITION = 'directive @oneOf on INPUT_OBJECT';

const schema = buildSchema(`
  input Customer @oneOf { id: ID, email: String }
  type Query { bookings(of: Customer!): Int }
`);
const introspected = buildClientSchema(introspectionFromSchema(schema, { oneOf: true }));
const printed = printSchema(introspected);

const compose = (...parts) => {
  const typeDefs = parse(parts.join('\n'));
  return composeServices([{ name: 'booking', url: 'http://booking.test', typeDefs }]);
};
const refused = compose(LINK, printed).errors.map(({ message }) => message);
const { errors, hints, supergraphSdl } = compose(LINK, DEFINITION, printed);

console.log('As printed:', refused);
console.log('With its definition:', supergraphSdl.match(/^input Customer[^}]*\}/m)[0], hints);
deepEqual(printed.includes('input Customer @oneOf'), true);
deepEqual(refused, ['[booking] Unknown directive "@oneOf".']);
deepEqual([errors, hints, supergraphSdl.includes('oneOf')], [undefined, [], false]);
NODE
node show.mjs
