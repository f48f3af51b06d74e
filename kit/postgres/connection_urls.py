"""Database URLs, and the login that each part of the product uses."""

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
# Options of libpq: asyncpg would send them as session settings, which the server refuses.
_UNKNOWN_TO_ASYNCPG = {"channel_binding", "connect_timeout", "gssencmode"}

log = structlog.get_logger(__name__)


class DatabaseUrl(str):
    """A URL for asyncpg: ``postgresql://user:password@host:port/name?option=value``.

    Options that asyncpg doesn't know become session settings: ``?role=boom_app`` acts as that
    role. Accepts ``postgres://`` and ``postgresql+asyncpg://`` too; raises ValueError for others.
    """

    __slots__ = ()

    def __new__(cls, url: str) -> Self:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.path.strip("/"):
            raise ValueError("must look like postgresql://user:password@host:5432/name")
        options = {k: v for k, v in parse_qsl(parts.query) if k not in _UNKNOWN_TO_ASYNCPG}
        return super().__new__(cls, _joined("postgresql", parts.netloc, parts.path, options))

    def __repr__(self) -> str:
        # Settings are printed in error messages, which must not show the password.
        host = urlsplit(self).netloc.rpartition("@")[2]
        return f"DatabaseUrl(postgresql://{host}{urlsplit(self).path})"

    @property
    def sqlalchemy(self) -> str:
        """The same URL for SQLAlchemy, which passes the options on to asyncpg unchanged."""
        parts = urlsplit(self)
        options = {"dsn": f"postgresql:///?{parts.query}"} if parts.query else {}
        return _joined("postgresql+asyncpg", parts.netloc, parts.path, options)

    @property
    def database(self) -> str:
        return urlsplit(self).path.strip("/")

    def as_user(self, user: str, password: str | None = None) -> "DatabaseUrl":
        """Returns the URL of the same database for another role, without this role's password."""
        parts = urlsplit(self)
        host = parts.netloc.rpartition("@")[2]
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        return DatabaseUrl(
            _joined("postgresql", f"{login}@{host}", parts.path, dict(parse_qsl(parts.query)))
        )

    def in_database(self, name: str) -> "DatabaseUrl":
        """Returns the URL of another database on the same server, for the same role."""
        parts = urlsplit(self)
        path = f"/{quote(name, safe='')}"
        return DatabaseUrl(_joined("postgresql", parts.netloc, path, dict(parse_qsl(parts.query))))

    def with_option(self, name: str, value: str) -> "DatabaseUrl":
        """Returns the same URL with one more session setting."""
        parts = urlsplit(self)
        options = {**dict(parse_qsl(parts.query)), name: value}
        return DatabaseUrl(_joined("postgresql", parts.netloc, parts.path, options))


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """URLs of one database: for its owner (migrations), for the app, and for the log relay."""

    owner: DatabaseUrl
    app: DatabaseUrl
    relay: DatabaseUrl


def trusted_urls(owner: DatabaseUrl) -> DatabaseUrls:
    """Returns the URLs for a server without passwords, such as the embedded one."""
    return DatabaseUrls(owner, app=owner.as_user(APP_ROLE), relay=owner.as_user(RELAY_ROLE))


async def logins(
    owner: DatabaseUrl,
    *,
    secret: bytes,
    fallbacks: Sequence[bytes] = (),
    app: DatabaseUrl | None = None,
    relay: DatabaseUrl | None = None,
) -> DatabaseUrls:
    """Returns the URLs for any server, after the migrations have created the roles.

    ``app`` and ``relay`` are used unchanged if given. A role without a URL gets a password derived
    from ``secret``, unless it has one already that isn't derived from one of ``fallbacks``. If it
    can't log in with that password, the owner logs in and acts as the role. That is weaker (SQL
    could switch back to the owner), so it is logged.
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
        # A password derived from an earlier secret was set by us, so we may change it.
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


# Roles belong to the server: a second installation must not change the first one's passwords. A
# login without the right to read passwords sees only the comment left by the first installation.
_IS_COMMENTED = """
    SELECT shobj_description(oid, 'pg_authid') IS NOT NULL FROM pg_roles WHERE rolname = $1
"""
_IS_STORED = "SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = $1"


async def _has_password(connection: asyncpg.Connection, role: str) -> bool:
    if await connection.fetchval("SELECT has_table_privilege('pg_authid', 'SELECT')"):
        return bool(await connection.fetchval(_IS_STORED, role))
    return bool(await connection.fetchval(_IS_COMMENTED, role))


async def _let_act_as(connection: asyncpg.Connection, role: str) -> None:
    # Since PostgreSQL 16, the creator of a role is its member but may not SET ROLE to it.
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
