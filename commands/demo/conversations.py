"""A conversation of the manager with the assistant, and what it has used."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from commands.demo.history import History, id_made_at
from domain.accounts.users import Role
from domain.assistant.conversations import MessageOutcome, MessageRole, Provider
from models.assistant.conversations import Conversation, Message
from models.assistant.usage import AssistantDay

_AGO: Final = timedelta(hours=20)
_QUESTION: Final = "How late can customers cancel?"
_ANSWER: Final = (
    "That depends on the steps of your cancellation policy; customers see them before they book."
)


def conversation_rows(
    history: History, zone: ZoneInfo
) -> tuple[list[Conversation], list[Message | AssistantDay]]:
    """Returns a conversation, and its messages with the usage of their date."""
    asked_at = history.now - _AGO
    answered_at = asked_at + timedelta(seconds=1)
    begun = Conversation(
        tenant_id=history.tenant_id,
        id=history.new_id(),
        user_id=history.users[Role.MANAGER].id,
        title=_QUESTION,
        locale="en",
        created_at=asked_at,
        updated_at=asked_at,
    )
    question = Message(
        tenant_id=history.tenant_id,
        id=id_made_at(asked_at, history.dice),
        conversation_id=begun.id,
        role=MessageRole.USER.value,
        text=_QUESTION,
        created_at=asked_at,
    )
    answer = Message(
        tenant_id=history.tenant_id,
        id=id_made_at(answered_at, history.dice),
        conversation_id=begun.id,
        role=MessageRole.ASSISTANT.value,
        text=_ANSWER,
        outcome=MessageOutcome.ANSWERED.value,
        provider=Provider.LOCAL.value,
        model="local",
        latency_ms=40,
        is_helpful=True,
        answers_id=question.id,
        created_at=answered_at,
    )
    usage = AssistantDay(
        tenant_id=history.tenant_id,
        day=asked_at.astimezone(zone).date(),
        model="local",
        provider=Provider.LOCAL.value,
        answers=1,
    )
    return [begun], [question, answer, usage]
