"""Compiled reads are under row-level security: for another tenant they return nothing."""

import orjson

from kit.runtime import Runtime
from tests.kit.graphql.compiler.planning import read
from tests.support.factories import make_venue

ROOMS = "{ rooms { totalCount nodes { name } } }"
SETTING = "set_config('app.tenant', CAST($1::UUID AS TEXT), true)"


async def test_rows_of_a_tenant_are_shown_in_its_own_setting_only(runtime: Runtime) -> None:
    ours, theirs = await make_venue(runtime), await make_venue(runtime)
    planned = read(ROOMS, actor=ours.owner.actor)
    assert planned is not None and SETTING in planned.plan.sql
    place = len(planned.values) + 1

    shown = await runtime.database.text(planned.plan.sql, planned.values)
    other = SETTING.replace("$1", f"${place}")
    hidden = await runtime.database.text(
        planned.plan.sql.replace(SETTING, other), [*planned.values, theirs.tenant.id]
    )
    unset = await runtime.database.text(planned.plan.sql.replace(SETTING, "'none'"), planned.values)

    assert orjson.loads(shown[0])["totalCount"] == 2
    assert orjson.loads(hidden[0]) == {"totalCount": 0, "nodes": []}
    assert orjson.loads(unset[0]) == {"totalCount": 0, "nodes": []}


async def test_the_setting_ends_with_its_statement(runtime: Runtime) -> None:
    ours = await make_venue(runtime)
    planned = read(ROOMS, actor=ours.owner.actor)
    assert planned is not None

    await runtime.database.text(planned.plan.sql, planned.values)
    (left,) = await runtime.database.text("SELECT current_setting('app.tenant', true)", [])

    assert left in ("", None)
