"""Sends messages to the assistant, and stores what it answers."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, Final, cast
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.accounts.refusals import InvalidCredentials
from domain.assistant.citations import Source, from_json, with_markers
from domain.assistant.conversations import (
    HISTORY_MESSAGES,
    STALE_AFTER,
    TURN_SECONDS,
    MessageOutcome,
    MessageRole,
    PastMessage,
    recent,
    title_of,
)
from domain.assistant.redaction import redacted
from domain.assistant.refusals import AssistantUnavailable, ConversationBusy
from domain.core.ids import ConversationId
from domain.core.refusals import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    Invalid,
    NotFound,
)
from domain.core.text import tidy_name
from domain.customers.customers import is_locale
from integrations.assistant.protocol import (
    AssistantMessage,
    Item,
    LanguageModel,
    UserMessage,
)
from kit.ids import new_id
from kit.scope import Scope
from kit.security.allowances import Allowance, Allowances
from kit.security.network_addresses import network_of
from kit.security.tokens import TenantToken
from kit.settings import Settings
from models.assistant.conversations import (
    Conversation,
    Message,
    answer_to,
    asked_before,
    is_running,
    latest_messages,
)
from models.assistant.proposals import Proposal, proposals_in
from models.tenants import TENANT_BY_SUBDOMAIN, Tenant
from resolvers.assistant.access import GuestToken, Owner, owner_of, require_assistant
from resolvers.assistant.answers import check_budget, run_and_store
from resolvers.assistant.live_messages import LiveMessages
from resolvers.assistant.tools import Caller
from resolvers.assistant.turns import Turn
from resolvers.bookings.guest_links import guest
from resolvers.core.lookups import get_or_refuse
from resolvers.core.sagas import Saga
from resolvers.core.transactions import KEPT_FOR, MAX_KEY_LENGTH, IdempotencyKey, MutationResult

MAX_LENGTH: Final = 2_000
BY_ADDRESS: Final = Allowance("assistant messages by address", 60, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was answered, and the code of a guest's new conversation."""

    conversation: Conversation
    message: Message
    proposals: list[Proposal]
    guest_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a turn begins with, or the answer that was given before under the same key."""

    tenant: Tenant
    conversation: Conversation
    answer: Message
    history: list[Item]
    known: dict[str, Source]
    is_replayed: bool = False


async def send_message(
    saga: Saga,
    *,
    message: Annotated[str, Doc("What to say to the assistant: 1 to 2,000 characters.")],
    conversation_id: Annotated[
        ConversationId | None, Doc("The conversation to go on with; by default a new one begins.")
    ] = None,
    locale: Annotated[
        str | None,
        Doc(
            "The person's language, as a tag such as 'de-CH', for what the assistant says by "
            "itself. By default that of the conversation, or 'en'."
        ),
    ] = None,
    subdomain: Annotated[
        str | None, Doc("The venue, to begin a conversation without being logged in.")
    ] = None,
    guest_token: GuestToken = None,
) -> Sent | MutationResult[Sent]:
    """Send a message to the venue's assistant, and get its answer when it is complete.

    The answer takes up to a minute; meanwhile `messageStreamed` delivers it as it is written. The
    assistant looks things up with the caller's own permissions, and changes nothing: what it
    proposes is made by `confirmProposal`. A guest begins with the `subdomain`, and goes on with the
    `guestToken` that is returned then, and only then. Costs 20 points more for each round of the
    model, and 5 to 20 for each time that something is looked up. Guests can send 60
    messages an hour from a network address.
    """
    text = tidy_name(message)
    if not 1 <= len(text) <= MAX_LENGTH:
        raise Invalid(f"A message has 1 to {MAX_LENGTH:,} characters.", path=("message",))
    if locale is not None and not is_locale(locale):
        raise Invalid("A locale must be a language tag such as 'en-US'.", path=("locale",))
    if saga.key is not None and not 1 <= len(saga.key.text) <= MAX_KEY_LENGTH:
        raise Invalid(
            f"An idempotency key must have 1 to {MAX_KEY_LENGTH} characters.",
            path=("idempotency_key",),
        )
    owner, new_token = await _owner(saga, subdomain, guest_token)
    saga = replace(saga, actor=owner.actor)
    live_messages = cast("LiveMessages", saga.runtime.services[LiveMessages])
    if live_messages.is_full:
        raise AssistantUnavailable
    begun = await saga.step(
        lambda scope: _begin(
            scope,
            owner,
            text,
            is_new_guest=new_token is not None,
            conversation_id=conversation_id,
            locale=locale,
            key=saga.key,
        )
    )
    if not begun.is_replayed:
        caller = Caller(
            saga.runtime,
            saga.actor,
            saga.request,
            begun.tenant,
            begun.conversation.id,
            begun.answer.id,
            locale or begun.conversation.locale,
        )
        live = live_messages.begin(begun.conversation.id, begun.answer.id)
        turn = Turn.of(
            caller,
            live,
            history=begun.history,
            known=begun.known,
            text=text,
            charge=saga.charge,
        )
        # What the model has begun is stored, also if the caller goes away.
        saga.extend(TURN_SECONDS + 10)
        await asyncio.shield(live_messages.start(run_and_store(saga, turn)))
    sent = await saga.step(lambda scope: _sent(scope, begun))
    sent = replace(sent, guest_token=new_token)
    return MutationResult(sent, replayed=True) if begun.is_replayed else sent


async def _owner(
    saga: Saga, subdomain: str | None, guest_token: str | None
) -> tuple[Owner, str | None]:
    """Returns who sends a message, and the code of the conversation that a guest begins."""
    if guest_token is None and saga.actor.user_id is not None:
        return owner_of(saga.actor, None), None
    allowances = cast("Allowances", saga.runtime.services[Allowances])
    await allowances.spend(BY_ADDRESS, network_of(saga.request.ip_address))
    if guest_token is not None:
        return owner_of(saga.actor, guest_token), None
    if subdomain is None:
        # Raises Unauthenticated or Forbidden.
        return owner_of(saga.actor, None), None
    scope = Scope(saga.runtime, saga.actor, saga.request)
    tenant_id: UUID | None = await scope.read_value_outside(
        TENANT_BY_SUBDOMAIN, subdomain=subdomain.strip().lower()
    )
    if tenant_id is None:
        raise NotFound("venue", path=("subdomain",))
    token = TenantToken.new(tenant_id)
    return Owner(guest(tenant_id), tenant_id, token.hash), str(token)


# ------------------------------------------------------------------------------ before


async def _begin(
    scope: Scope,
    owner: Owner,
    text: str,
    *,
    is_new_guest: bool,
    conversation_id: UUID | None,
    locale: str | None,
    key: IdempotencyKey | None,
) -> _Begun:
    """Stores the person's message and an answer that is yet to come.

    Raises what refuses it.
    """
    await scope.lock(("assistant", owner.user_id or owner.guest_hash))
    # Nobody chooses their own code; and one that is made up may name no venue.
    has_code = owner.guest_hash is not None and not is_new_guest
    if has_code and await scope.one(owner.conversations()) is None:
        raise InvalidCredentials(path=("guest_token",))
    tenant = await require_assistant(scope)
    if key is not None and (before := await _answered_before(scope, owner, key)) is not None:
        return await _replayed(scope, tenant, before)
    conversation = await _conversation(scope, owner, text, conversation_id, locale)
    latest = await scope.all(
        latest_messages(scope.tenant_id, conversation.id, limit=HISTORY_MESSAGES + 1)
    )
    if latest and is_running(latest[0], scope.now(), within=STALE_AFTER):
        raise ConversationBusy(path=("conversation_id",))
    await check_budget(scope, tenant)
    model = scope.service(LanguageModel)  # type: ignore[type-abstract]
    asked = scope.add(
        Message(
            tenant_id=scope.tenant_id,
            conversation_id=conversation.id,
            role=MessageRole.USER.value,
            text=redacted(text) if scope.service(Settings).assistant_redacts else text,
            idempotency_key=None if key is None else key.text,
            input_hash=None if key is None else key.input_hash,
            created_at=scope.now(),
        )
    )
    answer = scope.add(
        Message(
            tenant_id=scope.tenant_id,
            conversation_id=conversation.id,
            role=MessageRole.ASSISTANT.value,
            text="",
            outcome=MessageOutcome.ANSWERING.value,
            provider=model.provider.value,
            model=model.model,
            answers_id=asked.id,
            created_at=scope.now(),
        )
    )
    conversation.updated_at = scope.now()
    if locale is not None:
        conversation.locale = locale
    known = {each.source.id: each.source for row in latest for each in from_json(row.citations)}
    return _Begun(tenant, conversation, answer, _history(latest[::-1]), known)


async def _conversation(
    scope: Scope, owner: Owner, text: str, id: UUID | None, locale: str | None
) -> Conversation:
    if id is not None:
        return await get_or_refuse(
            scope, owner.conversations(), id, what="conversation", path=("conversation_id",)
        )
    if owner.guest_hash is not None:
        # A guest's code is for one conversation.
        found = await scope.one(owner.conversations())
        if found is not None:
            return found
    redacts = scope.service(Settings).assistant_redacts
    return scope.add(
        Conversation(
            tenant_id=scope.tenant_id,
            id=new_id(),
            user_id=owner.user_id,
            guest_hash=owner.guest_hash,
            title=title_of(redacted(text) if redacts else text),
            locale=locale or "en",
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )


def _history(rows: list[Message]) -> list[Item]:
    past = [
        PastMessage(MessageRole(row.role), with_markers(row.text, from_json(row.citations)))
        for row in rows
    ]
    return [
        UserMessage(each.text) if each.role is MessageRole.USER else AssistantMessage(each.text)
        for each in recent(past)
    ]


async def _answered_before(scope: Scope, owner: Owner, key: IdempotencyKey) -> Message | None:
    """Returns the answer to an earlier call with the same key.

    Raises IdempotencyKeyReused and IdempotencyInProgress.
    """
    asked = await scope.one(
        asked_before(
            scope.tenant_id,
            owner.user_id,
            owner.guest_hash,
            key.text,
            since=scope.now() - KEPT_FOR,
        )
    )
    if asked is None:
        return None
    if asked.input_hash != key.input_hash:
        raise IdempotencyKeyReused(path=("idempotency_key",))
    answer = await scope.one(answer_to(scope.tenant_id, asked.id))
    assert answer is not None, "they are stored together"
    if is_running(answer, scope.now(), within=STALE_AFTER):
        raise IdempotencyInProgress(path=("idempotency_key",))
    return answer


async def _replayed(scope: Scope, tenant: Tenant, answer: Message) -> _Begun:
    found = await scope.loaders.related(answer, "conversation")
    return _Begun(tenant, found, answer, [], {}, is_replayed=True)


# ------------------------------------------------------------------------------ after


async def _sent(scope: Scope, begun: _Begun) -> Sent:
    """Reads what was stored of an answer."""
    latest = latest_messages(scope.tenant_id, begun.conversation.id, limit=1)
    message = await scope.one(latest.where(col(Message.id) == begun.answer.id))
    conversation = await scope.loaders.related(message, "conversation")
    proposals = await scope.all(proposals_in(scope.tenant_id, begun.answer.id))
    assert message is not None and conversation is not None
    return Sent(conversation, message, proposals)
