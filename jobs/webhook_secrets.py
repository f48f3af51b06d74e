"""Encrypts the secrets of webhook endpoints anew, after a rotation of the installation's secret."""

from typing import cast

import structlog

from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.security.encryption import Cipher, DecryptionError
from models.webhooks.endpoints import endpoints_with_other_keys, secrets_renewed
from resolvers.webhooks.endpoints import use_of

log = structlog.get_logger(__name__)


async def renew_webhook_secrets(runtime: Runtime, relay: Database) -> None:
    """Encrypts secrets with the newest key that another one encrypted."""
    cipher = cast("Cipher", runtime.services[Cipher])
    async with relay.session(writes=False) as session:
        found = (await session.scalars(endpoints_with_other_keys(cipher.head))).all()
    for each in found:
        use = use_of(each.id)
        try:
            renewed = [
                sealed and cipher.encrypt(cipher.decrypt(sealed, use=use), use=use)
                for sealed in (each.secret, each.old_secret)
            ]
        except DecryptionError:
            log.warning("webhooks.secret_unreadable", endpoint=str(each.id))
            continue
        async with relay.session(writes=True) as session, session.begin():
            await session.execute(secrets_renewed(each, *renewed))
