"""Who acts, and where their request came from."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    """What kind of caller acts."""

    USER = "USER"
    CUSTOMER = "CUSTOMER"
    API_KEY = "API_KEY"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts; no kind: somebody who hasn't logged in.

    ``own_id`` is the record that rules about "their own" speak of; ``plan`` is the tenant's.
    ``scopes`` are all the permissions that the role's are narrowed to, and ``confined_to`` is the
    only row that is their own; None: no more than the role says.
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
    """All of it that decides how a statement looks: what they may do, and which ids they have."""

    def __post_init__(self) -> None:
        ids = self.tenant_id, self.user_id, self.session_id, self.own_id, self.key_id
        present = *[each is not None for each in ids], self.confined_to is not None
        profile = self.kind, self.role, self.plan, self.scopes, present
        # Worked out once: one actor asks for much.
        object.__setattr__(self, "profile", profile)

    @property
    def id(self) -> UUID | None:
        """The user or the API key; None for the system and for strangers."""
        return self.user_id or self.key_id


ANONYMOUS = Actor(kind=None)


@dataclass(frozen=True, slots=True)
class Request:
    """Where an operation came from; ``id`` stands in the answer, the logs and the audit trail.

    ``cookie`` is the secret that the caller's browser keeps for us.
    """

    id: UUID
    ip_address: str | None = None
    user_agent: str | None = None
    cookie: str | None = field(default=None, repr=False)
