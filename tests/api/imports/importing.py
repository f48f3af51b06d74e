"""What the tests of imports share: requests, uploads and what becomes of rows."""

from typing import Any, Final

from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.factories import Person
from tests.support.work import run_due_jobs

FIELDS: Final = """
    id kind format status dryRun notify progress rowCount createdCount updatedCount skippedCount
    errorCount undoneCount failure failureMessage
"""
ROWS: Final = "rows(first: 250) { nodes { line outcome problems { code message column } } }"
CREATE: Final = f"""
    mutation ($input: CreateImportInput!) {{
      createImport(input: $input) {{
        import {{ {FIELDS} }} uploadUrl userErrors {{ code message path }}
      }}
    }}
"""
ONE: Final = f"query ($id: ID!) {{ import(id: $id) {{ {FIELDS} {ROWS} }} }}"
UNDO: Final = f"""
    mutation ($id: ID!) {{
      undoImport(id: $id) {{ import {{ {FIELDS} }} userErrors {{ code message path }} }}
    }}
"""


async def prepare(api: Api, by: Person, kind: str, format: str = "CSV", **more: object) -> Answer:
    return await api(CREATE, {"input": {"kind": kind, "format": format, **more}}, token=by.token)


async def imported(
    api: Api,
    runtime: Runtime,
    by: Person,
    kind: str,
    file: str | bytes,
    format: str = "CSV",
    **more: object,
) -> Any:
    """Returns an import whose file was uploaded, and whose job has run, with its rows."""
    prepared = (await prepare(api, by, kind, format, **more)).payload
    assert prepared["userErrors"] == []
    content = file.encode() if isinstance(file, str) else file
    response = await api.http.put(prepared["uploadUrl"], content=content)
    assert response.status_code == 204, response.text
    await run_due_jobs(runtime)
    return await read(api, by, prepared["import"]["id"])


async def read(api: Api, by: Person, id: str) -> Any:
    return (await api(ONE, {"id": id}, token=by.token)).payload


async def undone(api: Api, runtime: Runtime, by: Person, id: str) -> Any:
    """Returns an import that was undone."""
    answer = await api(UNDO, {"id": id}, token=by.token)
    assert answer.refusals == []
    await run_due_jobs(runtime)
    return await read(api, by, id)


def counts(of: Any) -> tuple[int, int, int, int]:
    """Returns how many rows were created, updated, skipped and refused."""
    return of["createdCount"], of["updatedCount"], of["skippedCount"], of["errorCount"]


def outcomes(of: Any) -> list[tuple[int, str, list[str]]]:
    """Returns each row's line, outcome and the codes of its problems."""
    return [
        (row["line"], row["outcome"], [each["code"] for each in row["problems"]])
        for row in of["rows"]["nodes"]
    ]
