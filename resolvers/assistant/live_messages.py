"""Answers while they are written, in the memory of each process.

The process in which a model answers tells the others by NOTIFY: what is said to them may be lost,
and only delays a subscriber there until the answer is complete, which is stored.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from kit.events.notify_bus import MAX_MESSAGE_BYTES
from kit.ids import new_id

MAX_TURNS: Final = 500
"""The most answers that are written at the same time in a process."""
GATHERED_SECONDS: Final = 0.04
"""For how long text is gathered before other processes, and a subscriber, are sent more of it."""
FORGOTTEN_SECONDS: Final = 120.0
"""After how long without a word an answer of another process is taken for lost."""
_PART_LENGTH: Final = 1_500

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LiveMessage:
    """An answer that is being written; ``is_whole``: no part of its text is missing."""

    conversation_id: UUID
    message_id: UUID
    parts: list[str] = field(default_factory=list)
    length: int = 0
    is_done: bool = False
    is_whole: bool = True
    heard_at: float = 0.0

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def text_from(self, offset: int) -> str:
        """Returns the text from an offset in characters to what is known by now."""
        if offset >= self.length:
            return ""
        if len(self.parts) > 1:
            self.parts = ["".join(self.parts)]
        return self.parts[0][offset:]


class LiveMessages:
    """The answers that are being written, of this process and as others have told of theirs."""

    channel: Final = "boom_assistant"

    def __init__(self) -> None:
        self._process = new_id().hex
        self._live: dict[UUID, LiveMessage] = {}
        self._listening: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsaid: dict[UUID, tuple[LiveMessage, int]] = {}
        self._has_unsaid = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return len(self._tasks) >= MAX_TURNS

    def of(self, conversation_id: UUID) -> LiveMessage | None:
        """Returns the answer of a conversation that is being written, as far as it is known."""
        return self._live.get(conversation_id)

    # ------------------------------------------------------------------ writing

    def begin(self, conversation_id: UUID, message_id: UUID) -> LiveMessage:
        """Begins an answer, of which this process says everything."""
        live = self._live[conversation_id] = LiveMessage(conversation_id, message_id)
        self._tell(live, 0)
        return live

    def add(self, live: LiveMessage, text: str) -> None:
        """Adds text to an answer of this process."""
        before = live.length
        live.add(text)
        self._tell(live, before)

    def finish(self, live: LiveMessage) -> None:
        """Ends an answer that is stored now."""
        live.is_done = True
        if self._live.get(live.conversation_id) is live:
            del self._live[live.conversation_id]
        self._tell(live, live.length)

    def start(self, turn: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs a turn in a task that outlives its request."""
        task = asyncio.create_task(turn)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Ends the turns that are running, which store how far they have come."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------------ listening

    @contextmanager
    def listening(self, conversation_id: UUID) -> Iterator[asyncio.Event]:
        """Sets the event whenever something is added to answers of a conversation."""
        changed = asyncio.Event()
        self._listening[conversation_id].add(changed)
        try:
            yield changed
        finally:
            self._listening[conversation_id].discard(changed)
            if not self._listening[conversation_id]:
                del self._listening[conversation_id]

    def _wake(self, conversation_id: UUID) -> None:
        for changed in self._listening.get(conversation_id, ()):
            changed.set()

    # ------------------------------------------------------------------ other processes

    def hear(self, said: str) -> None:
        """Notes what a process says of its answers."""
        process, *told = orjson.loads(said)
        if process == self._process:
            return
        for conversation, message, offset, text, is_done in told:
            self._note(UUID(hex=conversation), UUID(hex=message), offset, text, is_done=is_done)

    def _note(
        self, conversation_id: UUID, message_id: UUID, offset: int, text: str, *, is_done: bool
    ) -> None:
        live = self._live.get(conversation_id)
        if live is None or live.message_id != message_id:
            live = self._live[conversation_id] = LiveMessage(conversation_id, message_id)
        live.heard_at = asyncio.get_running_loop().time()
        if offset != live.length:
            live.is_whole = False
        elif live.is_whole:
            live.add(text)
        if is_done:
            live.is_done = True
            del self._live[conversation_id]
        self._wake(conversation_id)

    async def run(self, publish: Callable[[str, str], Awaitable[None]]) -> None:
        """Tells other processes of the answers of this one, until cancelled."""
        while True:
            await self._has_unsaid.wait()
            self._has_unsaid.clear()
            unsaid, self._unsaid = self._unsaid, {}
            for message in _messages(self._process, unsaid):
                await publish(self.channel, message)
            self._forget()
            await asyncio.sleep(GATHERED_SECONDS)

    def _tell(self, live: LiveMessage, offset: int) -> None:
        self._unsaid.setdefault(live.message_id, (live, offset))
        self._has_unsaid.set()
        self._wake(live.conversation_id)

    def _forget(self) -> None:
        """Forgets answers of processes that must have died."""
        before = asyncio.get_running_loop().time() - FORGOTTEN_SECONDS
        lost = [id for id, live in self._live.items() if 0 < live.heard_at < before]
        for id in lost:
            del self._live[id]


def _messages(process: str, unsaid: dict[UUID, tuple[LiveMessage, int]]) -> Iterator[str]:
    """Yields messages that say all that is new, each short enough for a NOTIFY."""
    said: list[bytes] = []
    size = 0
    for live, offset in unsaid.values():
        for encoded in _encoded(live, offset):
            if said and size + len(encoded) > MAX_MESSAGE_BYTES - 100:
                yield _message(process, said)
                said, size = [], 0
            said.append(encoded)
            size += len(encoded) + 1
    if said:
        yield _message(process, said)


def _encoded(live: LiveMessage, offset: int) -> Iterator[bytes]:
    text = live.text_from(offset)
    conversation, message = live.conversation_id.hex, live.message_id.hex
    for start in range(0, len(text) or 1, _PART_LENGTH):
        part = text[start : start + _PART_LENGTH]
        is_last = start + _PART_LENGTH >= len(text)
        yield orjson.dumps([conversation, message, offset + start, part, live.is_done and is_last])


def _message(process: str, said: list[bytes]) -> str:
    return orjson.dumps([process, *map(orjson.Fragment, said)]).decode()
