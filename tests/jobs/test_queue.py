"""Jobs are enqueued with the change's commit, for its tenant, once per dedupe key."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver

from domain.core.refusals import NotFound
from kit.actor import ANONYMOUS, Actor, Request
from kit.ids import new_id
from kit.jobs.queue import queries_of
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.core.transactions import perform
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import make_venue

Ask = Callable[[Scope], None]


async def change(runtime: Runtime, actor: Actor, ask: Ask, *, refused: bool = False) -> None:
    """Performs a change that enqueues jobs by ``ask``, and is refused if ``refused``."""

    async def asking(scope: Scope) -> None:
        ask(scope)
        if refused:
            raise NotFound("booking", path=("id",))

    await perform(runtime, actor, Request(new_id()), asking)


def ask_for(*names: str, **options: Any) -> Ask:
    def ask(scope: Scope) -> None:
        for name in names:
            scope.enqueue(name, {"id": "1"}, **options)

    return ask


async def waiting(queue: asyncpg.Connection) -> list[str]:
    """Returns the names of the jobs that the app's own worker doesn't know, in order."""
    rows = await queue.fetch("SELECT entrypoint FROM queue.pgqueuer ORDER BY id")
    return [row["entrypoint"] for row in rows]


async def test_a_job_comes_with_the_commit(runtime: Runtime, queue: asyncpg.Connection) -> None:
    venue = await make_venue(runtime)

    await change(runtime, venue.owner.actor, ask_for("first", "second"))

    assert await waiting(queue) == ["first", "second"]
    (stored, _) = await queue.fetch("SELECT payload, headers FROM queue.pgqueuer ORDER BY id")
    assert stored["payload"] == b'{"id":"1"}'
    assert stored["headers"] == f'{{"tenant": "{venue.tenant.id}"}}'


async def test_a_refused_change_has_no_job(runtime: Runtime, queue: asyncpg.Connection) -> None:
    venue = await make_venue(runtime)

    with pytest.raises(NotFound):
        await change(runtime, venue.owner.actor, ask_for("first"), refused=True)

    assert await waiting(queue) == []


async def test_a_stranger_without_a_tenant_may_have_a_job(
    runtime: Runtime, queue: asyncpg.Connection
) -> None:
    await change(runtime, ANONYMOUS, ask_for("first"))

    assert await waiting(queue) == ["first"]


async def test_a_job_for_later_waits_as_long_as_the_apps_clock_says(
    runtime: Runtime, queue: asyncpg.Connection
) -> None:
    in_an_hour = MONDAY_MORNING + timedelta(hours=1)

    await change(runtime, ANONYMOUS, ask_for("first", at=in_an_hour))

    rest = await queue.fetchval("SELECT execute_after - created FROM queue.pgqueuer")
    assert rest == timedelta(hours=1)


# ------------------------------------------------------------------------------ one at a time


async def test_of_jobs_with_one_key_one_waits(runtime: Runtime, queue: asyncpg.Connection) -> None:
    venue = await make_venue(runtime)

    await change(runtime, venue.owner.actor, ask_for("first", "first", dedupe="x"))
    await change(runtime, venue.owner.actor, ask_for("first", dedupe="x"))
    await change(runtime, venue.owner.actor, ask_for("first", dedupe="y"))

    assert await waiting(queue) == ["first", "first"]


async def test_a_key_is_of_one_tenant_and_one_name(
    runtime: Runtime, queue: asyncpg.Connection
) -> None:
    first, second = await make_venue(runtime), await make_venue(runtime)

    await change(runtime, first.owner.actor, ask_for("first", "second", dedupe="x"))
    await change(runtime, second.owner.actor, ask_for("first", dedupe="x"))
    await change(runtime, ANONYMOUS, ask_for("first", dedupe="x"))

    assert await waiting(queue) == ["first", "second", "first", "first"]


# ------------------------------------------------------------------------------ walls


async def as_tenant(app: asyncpg.Connection, tenant_id: object) -> None:
    await app.execute("SELECT set_config('app.tenant', $1, true)", str(tenant_id))


async def test_the_app_sees_jobs_of_its_tenant_only(
    runtime: Runtime, database: DatabaseUrls, queue: asyncpg.Connection
) -> None:
    first, second = await make_venue(runtime), await make_venue(runtime)
    await change(runtime, first.owner.actor, ask_for("first"))
    await change(runtime, second.owner.actor, ask_for("second"))
    await change(runtime, ANONYMOUS, ask_for("nobodys"))

    app = await asyncpg.connect(database.app)
    async with app.transaction():
        await as_tenant(app, first.tenant.id)
        seen = await app.fetch("SELECT entrypoint FROM queue.pgqueuer")
    await app.close()

    assert [row["entrypoint"] for row in seen] == ["first"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT payload FROM queue.pgqueuer",
        "SELECT headers FROM queue.pgqueuer",
        "UPDATE queue.pgqueuer SET status = 'failed'",
        "DELETE FROM queue.pgqueuer",
        "SELECT traceback FROM queue.pgqueuer_log",
        "DELETE FROM queue.pgqueuer_log",
    ],
)
async def test_the_app_may_only_add(database: DatabaseUrls, statement: str) -> None:
    app = await asyncpg.connect(database.app)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await app.execute(statement)
    await app.close()


async def test_a_job_can_not_be_put_into_another_tenant(
    runtime: Runtime, database: DatabaseUrls
) -> None:
    first, second = await make_venue(runtime), await make_venue(runtime)
    app = await asyncpg.connect(database.app)

    async with app.transaction():
        await as_tenant(app, first.tenant.id)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await queries_of(AsyncpgDriver(app)).enqueue(
                "first", b"{}", headers={"tenant": str(second.tenant.id)}
            )
    await app.close()


# ------------------------------------------------------------------------------ the library's


async def test_the_tables_are_those_that_the_library_expects(database: DatabaseUrls) -> None:
    """After an update of pgqueuer a migration may be due; only its trigger is left out."""
    owner = await asyncpg.connect(database.owner)

    plan = await queries_of(AsyncpgDriver(owner)).plan_upgrade()
    await owner.close()

    assert ["TRIGGER" in statement for statement in plan.statements] == [True]
