// Judges GraphiQL's tabs as its editors do, by the schema at the path given: a line of JSON with
// what they would underline, tab by tab.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { buildClientSchema, buildSchema, introspectionFromSchema, parse } from 'graphql';
import { collectVariables, getDiagnostics, getVariablesJSONSchema } from 'graphql-language-service';
import json from 'vscode-json-languageservice';

const [schemaPath, sources] = process.argv.slice(2);
// What Vite does with them.
const text = readFileSync(`${sources}/examples.js`, 'utf8')
  .replace(/^import (\w+) from "(.+)\?raw";$/gm, (_, name, path) => {
    return `const ${name} = ${JSON.stringify(readFileSync(`${sources}/${path}`, 'utf8'))};`;
  })
  .replace('"./token.js"', JSON.stringify(pathToFileURL(`${sources}/token.js`).href));
const module = `data:text/javascript,${encodeURIComponent(text)}`;
const { defaultHeaders, defaultTabs } = await import(module);

// As much of the schema as GraphiQL asks for.
const served = buildSchema(readFileSync(schemaPath, 'utf8'));
const schema = buildClientSchema(introspectionFromSchema(served, { oneOf: false }));
const service = json.getLanguageService({});
const settings = { comments: 'ignore', trailingCommas: 'ignore', schemaValidation: 'error' };

async function complaints(text, jsonSchema) {
  const document = json.TextDocument.create('file:///tab.json', 'json', 1, text);
  const parsed = service.parseJSONDocument(document);
  const found = await service.doValidation(document, parsed, settings, jsonSchema);
  return found.map((each) => each.message);
}

const tabs = [];
for (const { query, variables } of defaultTabs) {
  const variableToType = collectVariables(schema, parse(query));
  tabs.push({
    query: getDiagnostics(query, schema).map((each) => each.message),
    variables: variables ? await complaints(variables, getVariablesJSONSchema(variableToType)) : [],
  });
}
console.log(JSON.stringify({ tabs, headers: await complaints(defaultHeaders) }));
