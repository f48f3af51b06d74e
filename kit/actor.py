"""Actors, and the origin of their requests."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    """The kind of an actor."""

    USER = "USER"
    CUSTOMER = "CUSTOMER"
    API_KEY = "API_KEY"
    SYSTEM = "SYSTEM"
    PLATFORM_OPERATOR = "PLATFORM_OPERATOR"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts; ``kind`` is None for a caller who isn't logged in.

    ``own_id`` is the record to which permissions for "own" rows refer; ``plan`` is the tenant's.
    ``scopes`` narrow the role's permissions to these, and ``confined_to`` their own rows to this
    one; None doesn't narrow them.
    """

    kind: ActorKind | None
    tenant_id: UUID | None = None
    user_id: UUID | None = None
    session_id: UUID | None = None
    role: str | None = None
    own_id: UUID | None = None
    plan: str | None = None
    key_id: UUID | None = None
    scopes: frozenset[str] | None = None
    confined_to: UUID | None = None
    profile: Hashable = field(init=False, repr=False, compare=False)
    """Everything that decides a statement's SQL: the permissions, and which ids are set."""

    def __post_init__(self) -> None:
        ids = self.tenant_id, self.user_id, self.session_id, self.own_id, self.key_id
        present = *[each is not None for each in ids], self.confined_to is not None
        profile = self.kind, self.role, self.plan, self.scopes, present
        # Computed once: it is used by every operation of the actor.
        object.__setattr__(self, "profile", profile)

    @property
    def id(self) -> UUID | None:
        """The user or the API key; None for the system and for anonymous callers."""
        return self.user_id or self.key_id


ANONYMOUS = Actor(kind=None)


@dataclass(frozen=True, slots=True)
class Request:
    """The origin of an operation; ``id`` is in the response, the logs and the audit trail.

    ``cookie`` is the secret in the cookie of the caller's browser.
    """

    id: UUID
    ip_address: str | None = None
    user_agent: str | None = None
    cookie: str | None = field(default=None, repr=False)
