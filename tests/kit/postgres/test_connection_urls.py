"""Logins of each role to a server that requires passwords."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from kit.postgres.connection_urls import DatabaseUrl, logins, trusted_urls
from kit.postgres.embedded import EmbeddedServer

SECRET = b"the secret of the first installation"

# The owner is known by its operating system's user; the roles need a password.
ACCESS = """
local all boom_app,boom_relay scram-sha-256
local all all trust
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    data: Path = tmp_path_factory.mktemp("server")
    with EmbeddedServer(data, durable=False) as server:
        (data / "postgres" / "pg_hba.conf").write_text(ACCESS)
        yield server


@pytest.fixture
async def owner(server: EmbeddedServer) -> AsyncIterator[DatabaseUrl]:
    """An owner as a managed server gives it: it may create roles, and is no superuser."""
    connection = await asyncpg.connect(server.url)
    await connection.execute("SELECT pg_reload_conf()")
    await connection.execute("CREATE ROLE landlord LOGIN CREATEROLE")
    await connection.execute("GRANT CREATE ON DATABASE boom TO landlord")
    landlord = server.url.as_user("landlord")
    as_landlord = await asyncpg.connect(landlord)
    await as_landlord.execute("CREATE ROLE boom_app LOGIN")
    await as_landlord.execute("CREATE ROLE boom_relay LOGIN")
    await as_landlord.close()
    yield landlord
    await connection.execute("DROP ROLE boom_app, boom_relay")
    await connection.execute("DROP OWNED BY landlord")
    await connection.execute("DROP ROLE landlord")
    await connection.close()


async def test_the_roles_get_passwords_and_log_in_themselves(owner: DatabaseUrl) -> None:
    urls = await logins(owner, secret=SECRET)

    assert await who(urls.owner) == ("landlord", "landlord")
    assert await who(urls.app) == ("boom_app", "boom_app")
    assert await who(urls.relay) == ("boom_relay", "boom_relay")


async def test_the_next_start_logs_in_the_same_way(owner: DatabaseUrl) -> None:
    first = await logins(owner, secret=SECRET)

    assert await logins(owner, secret=SECRET) == first


async def test_another_installation_leaves_the_passwords_alone(owner: DatabaseUrl) -> None:
    first = await logins(owner, secret=SECRET)

    second = await logins(owner, secret=b"the secret of the second installation")

    assert await who(second.app) == ("landlord", "boom_app")
    assert await who(first.app) == ("boom_app", "boom_app")


async def test_a_new_secret_replaces_the_password_of_the_one_before(owner: DatabaseUrl) -> None:
    new = b"the secret after a rotation of this one"
    await logins(owner, secret=SECRET)

    rotated = await logins(owner, secret=new, fallbacks=[b"an even older one", SECRET])

    assert await who(rotated.app) == ("boom_app", "boom_app")
    assert await who(rotated.relay) == ("boom_relay", "boom_relay")
    assert await logins(owner, secret=new) == rotated


async def test_a_given_url_is_taken_as_it_is(owner: DatabaseUrl) -> None:
    given = DatabaseUrl("postgresql://boom_app:given@db.example/boom")

    urls = await logins(owner, secret=SECRET, app=given)

    assert urls.app == given
    assert await who(urls.relay) == ("boom_relay", "boom_relay")


async def test_sqlalchemy_acts_as_the_role_too(owner: DatabaseUrl) -> None:
    await logins(owner, secret=SECRET)
    shared = (await logins(owner, secret=b"the secret of the second installation")).app
    engine = create_async_engine(shared.sqlalchemy)

    async with engine.connect() as connection:
        found = (await connection.execute(text("SELECT session_user, current_user"))).one()
    await engine.dispose()

    assert tuple(found) == ("landlord", "boom_app")


def test_a_trusting_server_needs_no_passwords() -> None:
    urls = trusted_urls(DatabaseUrl("postgresql://postgres@/boom?host=/run/boom&port=5432"))

    assert urls.app == "postgresql://boom_app@/boom?host=/run/boom&port=5432"
    assert urls.relay == "postgresql://boom_relay@/boom?host=/run/boom&port=5432"


def test_urls_of_hosting_services_are_understood() -> None:
    url = DatabaseUrl("postgres://me:p%40ss@db.example:5433/boom?sslmode=require&channel_binding=x")

    assert url == "postgresql://me:p%40ss@db.example:5433/boom?sslmode=require"
    assert url.as_user("boom_app", "a/b") == (
        "postgresql://boom_app:a%2Fb@db.example:5433/boom?sslmode=require"
    )
    assert url.in_database("other") == (
        "postgresql://me:p%40ss@db.example:5433/other?sslmode=require"
    )
    assert "p%40ss" not in repr(url)


async def who(url: DatabaseUrl) -> tuple[str, str]:
    """Returns the session's login and its current role."""
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow("SELECT session_user, current_user")
    await connection.close()
    assert row is not None
    return row["session_user"], row["current_user"]
