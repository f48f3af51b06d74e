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
    """What a program calls with. Its secret was shown once, and only its hash is kept."""

    name: str = column("What the program is called.")
    prefix: str = column("How its secret begins, for telling keys apart.")
    permissions: list[str] = column(
        "What it may at most; never more than the role of whoever made it."
    )
    created_by: User | None = related(
        "Who made it; it ends with their account.", requires=P.USERS_READ
    )
    created_at: datetime = column("When it was made.")
    expires_at: datetime | None = column("From then on it is refused; null: never.")
    revoked_at: datetime | None = column("Since when it is worthless; null while it isn't.")
    last_used_at: datetime | None = column("When it last called, to the minute; null: never.")


@strawberry.type
class ApiKeyQueries:
    api_keys: Connection[ApiKey] | None = connection(api_keys.api_keys, requires=P.API_KEYS_READ)


@payload
class CreateApiKeyPayload:
    """The key, and its secret: keep it, for it is not shown again."""

    api_key: ApiKey | None
    secret: str | None


@payload
class RevokeApiKeyPayload:
    """The key, which is worthless now."""

    api_key: ApiKey | None


@strawberry.type
class ApiKeyMutations:
    create_api_key: CreateApiKeyPayload | None = mutation(
        api_keys.create_api_key, requires=P.API_KEYS_WRITE, emits=[EventType.API_KEY_CREATED]
    )
    revoke_api_key: RevokeApiKeyPayload | None = mutation(
        api_keys.revoke_api_key, requires=P.API_KEYS_WRITE, emits=[EventType.API_KEY_REVOKED]
    )
