"""Streams the answers of a conversation as they are written.

A cursor is a message and how much of its text has been delivered, so that a client that comes back
gets the rest, from the memory of the process; what is complete is read from the database.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.accounts.refusals import InvalidCredentials
from domain.core.ids import ConversationId
from kit.errors import BadInput, Unauthenticated
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import EventStream, StreamItem
from kit.operation_context import Operation
from kit.scope import Scope
from models.assistant.conversations import Conversation, Message, completed_answers
from resolvers.assistant.access import GuestToken, Owner, owner_of
from resolvers.assistant.live_messages import GATHERED_SECONDS, LiveMessage, LiveMessages
from subscriptions.log_replay import TOO_SLOW, UNKNOWN, ResyncRequired, read_with_retry

LOST_SECONDS: Final = 30.0
"""After how long in silence the database is asked for answers of which no word has come."""
REPLAYED: Final = 50
_WHOLE: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class MessageDelta:
    """A further part of the text of an answer."""

    cursor: EventCursor
    message_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class MessageCompleted:
    """An answer that is complete, and stored."""

    cursor: EventCursor
    message: Message


MessageEvent = MessageDelta | MessageCompleted | ResyncRequired
Place = tuple[int, int]


def message_streamed(
    operation: Operation,
    *,
    conversation_id: Annotated[ConversationId, Doc("The id of the conversation.")],
    guest_token: GuestToken = None,
    after: Annotated[
        EventCursor | None,
        Doc(
            "The cursor after which to continue, also with the rest of an answer that was cut off; "
            "by default an answer that is being written is delivered from its beginning."
        ),
    ] = None,
) -> EventStream[MessageEvent]:
    """Receive the answers of a conversation as they are written, and each once more when it is
    complete, without contact data.

    The parts of an answer are delivered at most 25 times a second. They may be left out where the
    answer is written by another process of the server; the complete answer always comes.
    """
    try:
        owner = owner_of(operation.actor, guest_token)
    except InvalidCredentials:
        raise Unauthenticated("This code is not valid.") from None
    return EventStream(operation, MessageStream(owner, conversation_id), after, is_personal=True)


@dataclass(slots=True)
class MessageStream:
    """The source of the answers of one conversation.

    ``place`` is how far its live steps have come: a replay ends there.
    """

    owner: Owner
    conversation_id: UUID
    place: Place = field(default=(0, 0))

    @asynccontextmanager
    async def live(
        self, operation: Operation
    ) -> AsyncIterator[AsyncGenerator[StreamItem[MessageEvent]]]:
        messages = operation.scope.service(LiveMessages)
        with messages.listening(self.conversation_id) as changed:
            latest = await self._completed(operation, None)
            self.place = _end(latest[0]) if latest else (0, 0)
            live = messages.of(self.conversation_id)
            if live is not None:
                self.place = (live.message_id.int, live.length if live.is_whole else 0)
            async with aclosing(self._changes(operation, messages, changed)) as steps:
                yield steps

    async def replay(
        self, operation: Operation, after: EventCursor | None
    ) -> AsyncGenerator[Sequence[StreamItem[MessageEvent]]]:
        place = decoded(after) if after is not None else (self.place[0], 0)
        end = self.place
        if place is None:
            cursor = encoded(end)
            yield [StreamItem(end, cursor, ResyncRequired(cursor, UNKNOWN))]
            return
        steps: list[StreamItem[MessageEvent]] = []
        if after is not None:
            completed = await self._completed(operation, place)
            steps = [_step(each) for each in completed if place < _end(each) <= end]
        live = operation.scope.service(LiveMessages).of(self.conversation_id)
        if live is not None and live.message_id.int == end[0] and live.is_whole:
            offset = place[1] if place[0] == end[0] else 0
            steps += _delta(live, offset, end[1])
        yield steps or [StreamItem(end, encoded(end), None)]

    def gap_event(self, cursor: EventCursor) -> MessageEvent:
        return ResyncRequired(cursor, TOO_SLOW)

    async def _changes(
        self, operation: Operation, messages: LiveMessages, changed: asyncio.Event
    ) -> AsyncGenerator[StreamItem[MessageEvent]]:
        while True:
            live = messages.of(self.conversation_id)
            if live is None or live.message_id.int != self.place[0]:
                for each in await self._completed(operation, self.place):
                    if _end(each) > self.place:
                        self.place = _end(each)
                        yield _step(each)
            if live is not None and live.is_whole:
                offset = self.place[1] if live.message_id.int == self.place[0] else 0
                for step in _delta(live, offset, live.length):
                    self.place = step.sort_key[0], step.sort_key[1]
                    yield step
            await asyncio.sleep(GATHERED_SECONDS)
            try:
                async with asyncio.timeout(LOST_SECONDS):
                    await changed.wait()
            except TimeoutError:
                continue
            changed.clear()

    async def _completed(self, operation: Operation, place: Place | None) -> list[Message]:
        """Reads the complete answers from a place on, in order; without one, the latest."""

        async def read(scope: Scope) -> list[Message]:
            reader = scope.as_actor(self.owner.actor)
            if await reader.one(self._conversation()) is None:
                raise BadInput("There is no such conversation.")
            found = completed_answers(self.owner.tenant_id, self.conversation_id)
            if place is None:
                return await reader.all(found.order_by(col(Message.id).desc()).limit(1))
            since = col(Message.id) >= UUID(int=place[0])
            return await reader.all(found.where(since).order_by(col(Message.id)).limit(REPLAYED))

        completed = await read_with_retry(operation, read)
        # No connection is held while waiting.
        await operation.release()
        return completed

    def _conversation(self) -> Select[Conversation]:
        return self.owner.conversations().where(col(Conversation.id) == self.conversation_id)


def _end(message: Message) -> Place:
    return message.id.int, _WHOLE


def _step(message: Message) -> StreamItem[MessageEvent]:
    place = _end(message)
    cursor = encoded(place)
    return StreamItem(place, cursor, MessageCompleted(cursor, message))


def _delta(live: LiveMessage, start: int, end: int) -> list[StreamItem[MessageEvent]]:
    """Returns the step with a part of the text of an answer, unless it is empty."""
    if start >= end:
        return []
    place = live.message_id.int, end
    cursor = encoded(place)
    text = live.text_from(start)[: end - start]
    return [StreamItem(place, cursor, MessageDelta(cursor, live.message_id, text))]


def encoded(place: Place) -> EventCursor:
    """Returns the cursor of a place."""
    return EventCursor(f"{place[0]:032x}.{place[1]}")


def decoded(cursor: EventCursor) -> Place | None:
    """Returns the place of a cursor; None for one that isn't of these."""
    message, _, offset = cursor.partition(".")
    try:
        place = int(message, 16), int(offset)
    except ValueError:
        return None
    is_one = 0 <= place[0] < 2**128 and 0 <= place[1] <= _WHOLE and encoded(place) == cursor
    return place if is_one else None
