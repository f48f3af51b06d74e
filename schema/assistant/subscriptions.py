"""Live: answers as they are written."""

from typing import Annotated

import strawberry

from kit.events.event_cursors import EventCursor
from permissions.roles import P
from schema.assistant.conversations import Message
from schema.bookings.subscriptions import ResyncRequired
from schema.core.fields import column, id_column, subscription, value
from subscriptions import message_stream


@value(message_stream.MessageDelta)
class MessageDelta:
    """A further part of the text of an answer that is being written."""

    cursor: EventCursor = column("Subscribe with it as `after` to continue after this part.")
    message_id: strawberry.ID = id_column("Message", "The id of the answer.")
    text: str = column("The text to add to what came before.")


@value(message_stream.MessageCompleted)
class MessageCompleted:
    """An answer that is complete: show it instead of its parts."""

    cursor: EventCursor = column("Subscribe with it as `after` to continue after this answer.")
    message: Message = column("The answer.")


MessageEvent = Annotated[
    MessageDelta | MessageCompleted | ResyncRequired,
    strawberry.union(
        "MessageEvent",
        description="A part of an answer, a complete answer, or a request to fetch the "
        "conversation again.",
    ),
]


@strawberry.type
class ConversationSubscriptions:
    message_streamed: MessageEvent = subscription(
        message_stream.message_streamed, requires=P.PUBLIC
    )
