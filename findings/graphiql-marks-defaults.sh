#!/usr/bin/env bash
# graphql-language-service 5.7.0 with vscode-json-languageservice 5.7.2, GraphiQL's two engines
#
# An input field "first: Int! = 20" may be left out: the specification calls a field required if it
# is non-null and has no default. One would guess that GraphiQL's variables editor does so too. The
# JSON schema that it checks by lists every non-null field and variable as required, so that it
# underlines variables which graphql-js takes as they are.
#
# It matters for an API whose paging, limits and flags are non-null with a default: every example of
# its playground looks wrong, and people type out all defaults to please it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund graphql@16.15.0 graphql-language-service@5.7.0 \
  vscode-json-languageservice@5.7.2

cat >show.mjs <<'NODE'
import { deepEqual } from 'node:assert/strict';
import { buildSchema, graphql, parse } from 'graphql';
import { collectVariables, getVariablesJSONSchema } from 'graphql-language-service';
import json from 'vscode-json-languageservice';

const schema = buildSchema(`
  input Page { first: Int! = 20, after: String }
  type Query { rooms(page: Page!, floor: Int!): Int }
`);
const source = 'query ($page: Page!, $floor: Int! = 3) { rooms(page: $page, floor: $floor) }';
const variableValues = { page: { after: 'x' } };

const rootValue = { rooms: ({ page, floor }) => page.first * floor };
const { data, errors } = await graphql({ schema, source, variableValues, rootValue });

const service = json.getLanguageService({});
const text = JSON.stringify(variableValues);
const document = json.TextDocument.create('file:///variables.json', 'json', 1, text);
const expected = getVariablesJSONSchema(collectVariables(schema, parse(source)));
const settings = { schemaValidation: 'error' };
const parsed = service.parseJSONDocument(document);
const found = await service.doValidation(document, parsed, settings, expected);
const complaints = found.map(({ message }) => message).sort();

console.log(`graphql-js answers ${text} with`, { ...data }, '; the editor says:', complaints);
deepEqual([data.rooms, errors], [60, undefined]);
deepEqual(complaints, ['Missing property "first".', 'Missing property "floor".']);
NODE
node show.mjs
