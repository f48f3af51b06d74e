"""Who a conversation belongs to: a user, or a guest who has its code."""

from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from sqlalchemy import Select, false
from sqlmodel import col
from typing_extensions import Doc

from domain.accounts.refusals import InvalidCredentials
from domain.assistant.refusals import AssistantUnavailable
from domain.core.text import TokenText
from domain.tenants.plans import Feature
from domain.tenants.refusals import FeatureNotIncluded
from integrations.assistant.protocol import LanguageModel
from kit.actor import Actor
from kit.errors import Forbidden, Unauthenticated
from kit.scope import Scope
from kit.security.tokens import TenantToken
from kit.settings import Settings
from models.assistant.conversations import Conversation, Message, conversations_of, messages_of
from models.assistant.proposals import Proposal, proposals_of
from models.tenants import Tenant
from permissions.policy import is_guest
from resolvers.bookings.guest_links import guest
from resolvers.tenants.features import require_feature

GuestToken = Annotated[
    TokenText | None,
    Doc(
        "The `guestToken` of the conversation, which `sendMessage` returned to a guest. Leave it "
        "out if you are logged in."
    ),
]


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of conversations, as the actor who asks."""

    actor: Actor
    tenant_id: UUID
    guest_hash: bytes | None = None

    @property
    def user_id(self) -> UUID | None:
        return self.actor.user_id

    def conversations(self) -> Select[Conversation]:
        """Selects their conversations: of a guest, the one of the code."""
        mine = conversations_of(self.tenant_id)
        if self.guest_hash is not None:
            return mine.where(col(Conversation.guest_hash) == self.guest_hash)
        if self.user_id is None:
            return mine.where(false())
        return mine.where(col(Conversation.user_id) == self.user_id)

    def messages(self) -> Select[Message]:
        return messages_of(self.tenant_id).where(
            col(Message.conversation_id).in_(
                self.conversations().with_only_columns(col(Conversation.id))
            )
        )

    def proposals(self) -> Select[Proposal]:
        return proposals_of(self.tenant_id).where(
            col(Proposal.conversation_id).in_(
                self.conversations().with_only_columns(col(Conversation.id))
            )
        )


def owner_of(actor: Actor, guest_token: str | None) -> Owner:
    """Returns the owner that a caller is, with a guest's code or by their login.

    Raises InvalidCredentials for a malformed code, Unauthenticated for a caller with neither, and
    Forbidden for programs.
    """
    if guest_token is not None:
        token = TenantToken.parse(guest_token)
        if token is None:
            raise InvalidCredentials(path=("guest_token",))
        return Owner(guest(token.tenant_id), token.tenant_id, token.hash)
    if actor.kind is None:
        raise Unauthenticated("Log in first, or give the code of your conversation.")
    if actor.user_id is None or actor.tenant_id is None:
        raise Forbidden("Only people can talk with the assistant.")
    return Owner(actor, actor.tenant_id)


async def act_as_owner(scope: Scope, guest_token: str | None) -> Owner:
    """Switches to the guest of a code, if there is one, and returns the owner."""
    owner = owner_of(scope.actor, guest_token)
    if guest_token is not None:
        scope.actor = owner.actor
        await scope.enter(owner.tenant_id)
    return owner


def reading_as_owner(scope: Scope, guest_token: str | None) -> tuple[Scope, Owner] | None:
    """Returns the scope that reads a conversation; None if the caller can have none."""
    try:
        owner = owner_of(scope.actor, guest_token)
    except InvalidCredentials:
        return None
    return (scope if guest_token is None else scope.as_actor(owner.actor)), owner


def own_view(scope: Scope, tenant_id: UUID, conversation_id: UUID) -> Scope:
    """Returns a scope that reads one conversation, for whoever was given it."""
    actor = replace(scope.actor, tenant_id=tenant_id, confined_to=conversation_id)
    return scope.reading_as(actor) if scope.writes else scope.as_actor(actor)


def visible_conversations(scope: Scope) -> Select[Conversation]:
    """Selects the caller's own conversations; guests have theirs by a code only."""
    return Owner(scope.actor, scope.tenant_id).conversations()


def visible_messages(scope: Scope) -> Select[Message]:
    return Owner(scope.actor, scope.tenant_id).messages()


def visible_proposals(scope: Scope) -> Select[Proposal]:
    return Owner(scope.actor, scope.tenant_id).proposals()


async def require_assistant(scope: Scope) -> Tenant:
    """Returns the tenant if its assistant may be used.

    Raises AssistantUnavailable, and FeatureNotIncluded, of which guests aren't told.
    """
    if not scope.service(Settings).assistant or LanguageModel not in scope.runtime.services:
        raise AssistantUnavailable
    try:
        tenant = await require_feature(scope, Feature.SUGGESTIONS)
    except FeatureNotIncluded as refused:
        if is_guest(scope.actor):
            raise AssistantUnavailable from refused
        raise
    if not tenant.allows_assistant:
        raise AssistantUnavailable
    return tenant
