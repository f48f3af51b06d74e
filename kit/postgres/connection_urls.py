"""Where the database is, and as whom each part of the product logs in."""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg
import structlog

APP_ROLE = "boom_app"
RELAY_ROLE = "boom_relay"

_SCHEMES = {"postgres", "postgresql", "postgresql+asyncpg"}
# libpq's own, which asyncpg would pass on as settings of the session, to be refused.
_UNKNOWN_TO_ASYNCPG = {"channel_binding", "connect_timeout", "gssencmode"}

log = structlog.get_logger(__name__)


class DatabaseUrl(str):
    """A URL as asyncpg takes it: ``postgresql://user:password@host:port/name?option=value``.

    Options that asyncpg doesn't know are settings of the session: ``?role=boom_app`` acts as that
    role. Also made from ``postgres://`` and ``postgresql+asyncpg://``; ValueError from the rest.
    """

    __slots__ = ()

    def __new__(cls, url: str) -> Self:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.path.strip("/"):
            raise ValueError("must look like postgresql://user:password@host:5432/name")
        options = {k: v for k, v in parse_qsl(parts.query) if k not in _UNKNOWN_TO_ASYNCPG}
        return super().__new__(cls, _joined("postgresql", parts.netloc, parts.path, options))

    def __repr__(self) -> str:
        # Settings are printed when something is wrong: the password stays out.
        host = urlsplit(self).netloc.rpartition("@")[2]
        return f"DatabaseUrl(postgresql://{host}{urlsplit(self).path})"

    @property
    def sqlalchemy(self) -> str:
        """The same for SQLAlchemy, which hands the options on to asyncpg as they are."""
        parts = urlsplit(self)
        options = {"dsn": f"postgresql:///?{parts.query}"} if parts.query else {}
        return _joined("postgresql+asyncpg", parts.netloc, parts.path, options)

    @property
    def database(self) -> str:
        return urlsplit(self).path.strip("/")

    def as_user(self, user: str, password: str | None = None) -> "DatabaseUrl":
        """The same database for another role, without the password of this one."""
        parts = urlsplit(self)
        host = parts.netloc.rpartition("@")[2]
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        return DatabaseUrl(
            _joined("postgresql", f"{login}@{host}", parts.path, dict(parse_qsl(parts.query)))
        )

    def in_database(self, name: str) -> "DatabaseUrl":
        """The same server and role, another database."""
        parts = urlsplit(self)
        path = f"/{quote(name, safe='')}"
        return DatabaseUrl(_joined("postgresql", parts.netloc, path, dict(parse_qsl(parts.query))))

    def with_option(self, name: str, value: str) -> "DatabaseUrl":
        """The same login, with one more setting of its sessions."""
        parts = urlsplit(self)
        options = {**dict(parse_qsl(parts.query)), name: value}
        return DatabaseUrl(_joined("postgresql", parts.netloc, parts.path, options))


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database, seen by its owner (migrations), by the app, and by the relay of the log."""

    owner: DatabaseUrl
    app: DatabaseUrl
    relay: DatabaseUrl


def trusted_urls(owner: DatabaseUrl) -> DatabaseUrls:
    """The logins on a server that asks for no password, as the embedded one."""
    return DatabaseUrls(owner, app=owner.as_user(APP_ROLE), relay=owner.as_user(RELAY_ROLE))


async def logins(
    owner: DatabaseUrl,
    *,
    secret: bytes,
    fallbacks: Sequence[bytes] = (),
    app: DatabaseUrl | None = None,
    relay: DatabaseUrl | None = None,
) -> DatabaseUrls:
    """The logins on any server, once the migrations have made the roles.

    ``app`` and ``relay`` are taken as given. A role without a URL gets a password derived from
    ``secret``, unless it has one already that isn't derived from one of ``fallbacks``; where it
    can't log in with it, the owner logs in and acts as the role. That is weaker (SQL could step
    back to the owner), so it is logged.
    """
    secrets = (secret, *fallbacks)
    return DatabaseUrls(
        owner,
        app=app or await _login(owner, APP_ROLE, secrets),
        relay=relay or await _login(owner, RELAY_ROLE, secrets),
    )


async def _login(owner: DatabaseUrl, role: str, secrets: Sequence[bytes]) -> DatabaseUrl:
    password, *former = [hmac.digest(each, role.encode(), "sha256").hex() for each in secrets]
    url = owner.as_user(role, password)
    if await _can_log_in(url):
        return url

    replaced = await _first_that_can_log_in([owner.as_user(role, each) for each in former])
    connection = await asyncpg.connect(owner)
    try:
        # A password that we have derived before is ours to change.
        if replaced is not None or not await _has_password(connection, role):
            await _set_password(connection, role, password)
            if await _can_log_in(url):
                return url
        if replaced is not None:
            return replaced
        log.warning("database.role_shares_owner_login", role=role)
        await _let_act_as(connection, role)
    finally:
        await connection.close()
    return owner.with_option("role", role)


async def _first_that_can_log_in(urls: Iterable[DatabaseUrl]) -> DatabaseUrl | None:
    for url in urls:
        if await _can_log_in(url):
            return url
    return None


async def _can_log_in(url: DatabaseUrl) -> bool:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.PostgresError:
        return False
    await connection.close()
    return True


# Who may not read passwords sees only the comment that the first installation leaves: roles
# belong to the server, and a second installation must not change the first one's passwords.
_IS_COMMENTED = """
    SELECT shobj_description(oid, 'pg_authid') IS NOT NULL FROM pg_roles WHERE rolname = $1
"""
_IS_STORED = "SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = $1"


async def _has_password(connection: asyncpg.Connection, role: str) -> bool:
    if await connection.fetchval("SELECT has_table_privilege('pg_authid', 'SELECT')"):
        return bool(await connection.fetchval(_IS_STORED, role))
    return bool(await connection.fetchval(_IS_COMMENTED, role))


async def _let_act_as(connection: asyncpg.Connection, role: str) -> None:
    # Who made a role since PostgreSQL 16 is its member, and yet may not act as it.
    try:
        await connection.execute(f'SET ROLE "{role}"')
        await connection.execute("RESET ROLE")
    except asyncpg.InsufficientPrivilegeError:
        await connection.execute(f'GRANT "{role}" TO CURRENT_USER')


async def _set_password(connection: asyncpg.Connection, role: str, password: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute(f"ALTER ROLE \"{role}\" PASSWORD '{password}'")
            await connection.execute(f"COMMENT ON ROLE \"{role}\" IS 'password set by its product'")
    except asyncpg.InsufficientPrivilegeError:
        log.warning("database.role_password_not_settable", role=role)


def _joined(scheme: str, netloc: str, path: str, options: dict[str, str]) -> str:
    query = f"?{urlencode(options, safe='/')}" if options else ""
    return f"{scheme}://{netloc}{path}{query}"
