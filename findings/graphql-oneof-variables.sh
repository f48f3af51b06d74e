#!/usr/bin/env bash
# graphql 16.15.0 (JavaScript) and graphql-core 3.3.2 (Python)
#
# By the specification a variable in a field of a @oneOf input object must be non-null, or the
# document isn't valid. One would guess that validation holds this everywhere, or nowhere. It does
# where the argument is nullable ("of: Customer"), and doesn't where it is not ("of: Customer!"),
# which is how almost every mutation takes its input: there the same document is valid.
#
# It matters since the check before execution, for which @oneOf is chosen, is missing where it is
# wanted: a null comes to light as an error of the field, after others have run, with partial data.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund graphql@16.15.0
python3 -m venv venv
venv/bin/pip install --quiet graphql-core==3.3.2

cat >schema.graphql <<'SDL'
input Customer @oneOf { id: ID, email: String }
type Query { nullable(of: Customer): Int, required(of: Customer!): Int }
SDL
cat >show.mjs <<'NODE'
import { readFileSync } from 'node:fs';
import { buildSchema, parse, validate } from 'graphql';

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));
for (const field of ['nullable', 'required']) {
  const errors = validate(schema, parse(`query ($id: ID) { ${field}(of: { id: $id }) }`));
  console.log(field, errors.length);
}
NODE
cat >show.py <<'PYTHON'
from pathlib import Path

from graphql import build_schema, parse, validate

schema = build_schema(Path("schema.graphql").read_text())
for field in ("nullable", "required"):
    print(field, len(validate(schema, parse(f"query ($id: ID) {{ {field}(of: {{ id: $id }}) }}"))))
PYTHON

javascript=$(node show.mjs | xargs)
python=$(venv/bin/python show.py | xargs)
echo "Errors by graphql-js: $javascript; by graphql-core: $python."
[[ "$javascript" == "nullable 1 required 0" && "$python" == "$javascript" ]]
