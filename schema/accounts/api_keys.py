"""API keys: what programs call with, each with permissions of its own."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.accounts import api_keys
from schema.accounts.users import User
from schema.core.connections import Connection, connection
from schema.core.fields import Node, column, node, related
from schema.core.mutations import mutation, payload


@node(models.ApiKey, visible=api_keys.visible_api_keys, requires=P.API_KEYS_READ)
class ApiKey(Node):
    """A key with which a program uses this API.

    The secret is shown only when the key is created.
    """

    name: str = column("The name of the key, which also appears in the audit log.")
    prefix: str = column("The first characters of the secret, to recognize the key.")
    permissions: list[str] = column(
        "The permissions of the key. A permission is without effect while the user who "
        "created the key doesn't have it."
    )
    created_by: User | None = related(
        "The user who created the key. If their account is deactivated, the key is revoked.",
        requires=P.USERS_READ,
    )
    created_at: datetime = column("When the key was created.")
    expires_at: datetime | None = column("When the key expires, or null if it doesn't.")
    revoked_at: datetime | None = column("When the key was revoked, or null if it wasn't.")
    last_used_at: datetime | None = column(
        "When the key was last used, to the minute, or null if it was never used."
    )


@strawberry.type
class ApiKeyQueries:
    api_keys: Connection[ApiKey] | None = connection(api_keys.api_keys, requires=P.API_KEYS_READ)


@payload
class CreateApiKeyPayload:
    """The result of `createApiKey`."""

    api_key: ApiKey | None
    secret: str | None


@payload
class RevokeApiKeyPayload:
    """The result of `revokeApiKey`."""

    api_key: ApiKey | None


@strawberry.type
class ApiKeyMutations:
    create_api_key: CreateApiKeyPayload | None = mutation(
        api_keys.create_api_key, requires=P.API_KEYS_WRITE, emits=[EventType.API_KEY_CREATED]
    )
    revoke_api_key: RevokeApiKeyPayload | None = mutation(
        api_keys.revoke_api_key, requires=P.API_KEYS_WRITE, emits=[EventType.API_KEY_REVOKED]
    )
