"""Mails people that a webhook endpoint was disabled."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from domain.core.formatting import unlinked
from domain.webhooks.deliveries import DisabledReason
from kit.scope import Scope
from models.accounts.users import User, owners_of, user_of
from models.webhooks.endpoints import WebhookEndpoint
from resolvers.accounts.security_emails import Letter
from resolvers.accounts.security_events import mail_user
from resolvers.tenants.tenants import own_tenant

_WHY: Final[Mapping[DisabledReason, str]] = {
    DisabledReason.GONE: "it answered that it is gone (410)",
    DisabledReason.FAILING: "it has accepted nothing for five days",
    DisabledReason.OWNER_WITHOUT_ACCESS: "who set it up may no longer manage webhooks",
}


async def mail_disabled(scope: Scope, endpoint: WebhookEndpoint, reason: DisabledReason) -> None:
    """Mails the endpoint's owner; the venue's owners, if that is a program or has no access."""
    tenant = await own_tenant(scope)
    venue = unlinked(tenant.name)
    letter = Letter(
        f"A webhook of {venue} was disabled",
        f"Events of {venue} ({tenant.subdomain}) are no longer sent to "
        f"{unlinked(urlsplit(endpoint.url).hostname or '')}, because {_WHY[reason]}.\n\n"
        "Enable the endpoint again once that is solved: what waits for it is sent then.",
    )
    for user in await _told(scope, endpoint, reason):
        mail_user(scope, user, letter)


async def _told(scope: Scope, endpoint: WebhookEndpoint, reason: DisabledReason) -> list[User]:
    if endpoint.owner_id is not None and reason is not DisabledReason.OWNER_WITHOUT_ACCESS:
        owner = await scope.one(user_of(scope.tenant_id, endpoint.owner_id))
        return [owner] if owner is not None else []
    return list(await scope.all(owners_of(scope.tenant_id)))
