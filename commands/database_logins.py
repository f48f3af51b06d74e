"""How the commands log in to the database of this installation."""

from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls, logins, trusted_urls
from kit.postgres.embedded import EmbeddedServer
from kit.settings import Settings


class CannotRun(Exception):
    """A person has to change something first; the message says what."""


async def logins_of(settings: Settings, owner: DatabaseUrl) -> DatabaseUrls:
    """The logins on the owner's server, once the migrations have made the roles."""
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
    """The logins of a database that is there already: the named one, or that of `make run`.

    Raises CannotRun.
    """
    if settings.database_url is not None:
        return await logins_of(settings, settings.database_url)
    if settings.app_database_url and settings.relay_database_url:
        app, relay = settings.app_database_url, settings.relay_database_url
        return DatabaseUrls(owner=app, app=app, relay=relay)
    return trusted_urls(present_owner(settings))


def present_owner(settings: Settings) -> DatabaseUrl:
    """The owner of a database that is there already: the named one, or that of `make run`.

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
