"""Database logins for commands."""

from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls, logins, trusted_urls
from kit.postgres.embedded import EmbeddedServer
from kit.settings import Settings


class CannotRun(Exception):
    """The command can't run; the message says what to change."""


async def logins_of(settings: Settings, owner: DatabaseUrl) -> DatabaseUrls:
    """Returns the logins on the owner's server, after the migrations have created the roles."""
    if settings.database_url is None:
        return trusted_urls(owner)
    return await logins(
        owner,
        secret=settings.secret,
        fallbacks=settings.fallback_secrets,
        app=settings.app_database_url,
        relay=settings.relay_database_url,
    )


async def present_logins(settings: Settings) -> DatabaseUrls:
    """Returns the logins of an existing database: the configured one, or that of `make run`.

    Raises CannotRun.
    """
    if settings.database_url is not None:
        return await logins_of(settings, settings.database_url)
    if settings.app_database_url and settings.relay_database_url:
        app, relay = settings.app_database_url, settings.relay_database_url
        return DatabaseUrls(owner=app, app=app, relay=relay)
    return trusted_urls(present_owner(settings))


def present_owner(settings: Settings) -> DatabaseUrl:
    """Returns the owner's URL of an existing database: the configured one, or `make run`'s.

    Raises CannotRun.
    """
    if settings.database_url is not None:
        return settings.database_url
    server = EmbeddedServer(settings.data)
    if not server.is_running:
        raise CannotRun(
            f"No database: none runs in {settings.data}. Start `make run` first, or name one: "
            "DATABASE_URL=…"
        )
    return server.url
