"""What the tests of exports share: requests, files and their rows."""

import csv
import json
from io import StringIO
from typing import Any, Final

import httpx2

from kit.runtime import Runtime
from kit.tables.cells import unescaped
from tests.support.client import Answer, Api
from tests.support.factories import Person
from tests.support.work import run_due_jobs

FIELDS: Final = (
    "id kind format status progress rowCount byteCount failure url from until endedAt expiresAt"
)
CREATE: Final = f"""
    mutation ($input: CreateExportInput!) {{
      createExport(input: $input) {{
        requestedExport {{ {FIELDS} }} replayed userErrors {{ code message path }}
      }}
    }}
"""
RETRY: Final = """
    mutation ($id: ID!) {
      retryExport(id: $id) { requestedExport { status failure } userErrors { code message path } }
    }
"""
ONE: Final = f"query ($id: ID!) {{ node(id: $id) {{ ... on Export {{ {FIELDS} }} }} }}"


async def create(api: Api, by: Person, kind: str, format: str = "CSV", **more: object) -> Answer:
    return await api(CREATE, {"input": {"kind": kind, "format": format, **more}}, token=by.token)


async def export(api: Api, by: Person, id: str) -> Any:
    return (await api(ONE, {"id": id}, token=by.token)).payload


async def exported(
    api: Api, runtime: Runtime, by: Person, kind: str, format: str = "CSV", **more: object
) -> Any:
    """Returns an export whose job has run."""
    created = (await create(api, by, kind, format, **more)).payload
    assert created["userErrors"] == []
    await run_due_jobs(runtime)
    return await export(api, by, created["requestedExport"]["id"])


async def download(api: Api, url: str, **headers: str) -> httpx2.Response:
    return await api.http.get(url, headers={key.replace("_", "-"): v for key, v in headers.items()})


async def rows_of(api: Api, made: Any) -> list[dict[str, Any]]:
    """Returns the rows of a CSV or JSONL file, by the names of their columns."""
    assert made["status"] == "DONE", made
    response = await download(api, made["url"])
    assert response.status_code == 200, response.text
    if made["format"] == "JSONL":
        return [json.loads(line) for line in response.text.splitlines()]
    reader = csv.DictReader(StringIO(response.text, newline=""))
    return [{name: unescaped(text) for name, text in row.items()} for row in reader]
