"""Who asks the same and may see the same hears the same: worked out once, sent to all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self

import orjson
from graphql import (
    SKIP,
    FieldNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    VisitorAction,
    visit,
)

from kit.cursors import EventCursor
from kit.live import Mark, Source
from kit.operation import Operation
from kit.scope import Actor
from permissions.policy import standing
from web.documents import Selected
from web.subscribers import Said, Subscriber

RESUMING: Final = "after"
"""The argument of a live field that says where to begin, and nothing of what is told."""

# Before anything else gets a turn.
_TOLD_AT_ONCE: Final = 250

# So many read what was missed at the same time; those who come meanwhile wait, and share.
_REPLAYS_AT_ONCE: Final = 4
_MISSED_LENGTH: Final = 200
_MISSED_CHARACTERS: Final = 1_000_000


class Performer(Protocol):
    """An operation, with what its selection set makes of an event: the answer, JSON."""

    operation: Operation

    async def answer(self, event: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Question:
    """All that decides what a subscriber is told: the operation, and who may see how much."""

    text: str
    operation_name: str | None
    variables: bytes
    standing: Actor

    @classmethod
    def of(cls, selected: Selected, text: str, variables: Mapping[str, Any], actor: Actor) -> Self:
        """``text`` is the document's, ``variables`` are as the client sent them."""
        left_out = _only_resuming(selected)
        counting = {name: value for name, value in variables.items() if name not in left_out}
        written = orjson.dumps(counting, option=orjson.OPT_SORT_KEYS)
        return cls(text, selected.name, written, standing(actor))


@dataclass(slots=True)
class Missed:
    """What was missed, in order; a part of it where there is more than a client waits for."""

    said: list[Said] = field(default_factory=list)
    mark: Mark = ()
    cursor: EventCursor | None = None
    characters: int = 0
    is_all: bool = False

    @property
    def is_full(self) -> bool:
        return len(self.said) >= _MISSED_LENGTH or self.characters >= _MISSED_CHARACTERS


class Audience:
    """The subscribers who ask one question, and the one who listens for all of them."""

    def __init__(
        self,
        source: Source[Any],
        perform: Callable[[], Performer],
        replaying: asyncio.Semaphore,
    ) -> None:
        self.subscribers: set[Subscriber] = set()
        self._source = source
        self._perform = perform
        self._replaying = replaying
        self._awaited: dict[EventCursor | None, asyncio.Task[Missed]] = {}
        self._is_decided = asyncio.Event()
        self._failure: Exception | None = None

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    async def listening(self) -> None:
        """Wait until what happens is heard. Raises what keeps it from being heard."""
        await self._is_decided.wait()
        if self._failure is not None:
            raise self._failure

    async def listen(self) -> None:
        """Tell everybody what happens, without end."""
        performer = self._perform()
        try:
            async with self._source.live(performer.operation) as steps:
                self._is_decided.set()
                async for step in steps:
                    if step.event is not None:
                        payload = await performer.answer(step.event)
                        await self._tell(Said(step.mark, step.cursor, payload))
        except Exception as error:  # noqa: BLE001 - shown to each, as every error is
            self._failure = error
            for subscriber in self.subscribers:
                subscriber.fail(error)
        finally:
            self._is_decided.set()
            await performer.operation.rest()

    async def missed(self, after: EventCursor | None) -> Missed:
        """What happened since a cursor up to now, or the first part of it.

        All who have come back to the same cursor share it, if it is read after they have.
        """
        reading = self._awaited.get(after)
        if reading is None:
            reading = self._awaited[after] = asyncio.create_task(self._read(after), name="missed")
        return await asyncio.shield(reading)

    async def gap(self, cursor: EventCursor) -> str:
        """The answer that says that all up to a cursor was dropped."""
        performer = self._perform()
        try:
            return await performer.answer(self._source.gap(cursor))
        finally:
            await performer.operation.rest()

    async def _read(self, after: EventCursor | None) -> Missed:
        async with self._replaying:
            # Who comes from now on may already have been told less than this will read.
            del self._awaited[after]
            performer = self._perform()
            found = Missed()
            try:
                async with aclosing(self._source.missed(performer.operation, after)) as steps:
                    async for step in steps:
                        if step.event is not None:
                            payload = await performer.answer(step.event)
                            found.said.append(Said(step.mark, step.cursor, payload))
                            found.characters += len(payload)
                        found.mark, found.cursor = step.mark, step.cursor
                        if found.is_full:
                            return found
                found.is_all = True
                return found
            finally:
                await performer.operation.rest()

    async def _tell(self, said: Said) -> None:
        for number, subscriber in enumerate(tuple(self.subscribers), start=1):
            subscriber.hear(said)
            if number % _TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)


class Audiences:
    """Those of this process, by their questions."""

    def __init__(self) -> None:
        self._open: dict[Question, tuple[Audience, asyncio.Task[None]]] = {}
        self._replaying = asyncio.Semaphore(_REPLAYS_AT_ONCE)

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def joined(
        self,
        question: Question,
        subscriber: Subscriber,
        source: Source[Any],
        perform: Callable[[], Performer],
    ) -> AsyncIterator[Audience]:
        """Be among those who are told. Where nobody is yet, ``source`` is listened to."""
        found = self._open.get(question)
        if found is None or found[0].has_failed:
            made = Audience(source, perform, self._replaying)
            task = asyncio.create_task(made.listen(), name="audience")
            found = self._open[question] = (made, task)
        audience, task = found
        subscriber.enter()
        audience.subscribers.add(subscriber)
        try:
            await audience.listening()
            yield audience
        finally:
            subscriber.leave()
            audience.subscribers.discard(subscriber)
            if not audience.subscribers:
                if self._open.get(question) is found:
                    del self._open[question]
                task.cancel()
                await asyncio.wait([task])


def _only_resuming(selected: Selected) -> set[str]:
    """The variables that say where to begin, and nothing else."""
    uses = _Uses()
    visit(selected.document.ast, uses)
    roots = (
        node for node in selected.operation.selection_set.selections if isinstance(node, FieldNode)
    )
    return {
        argument.value.name.value
        for root in roots
        for argument in root.arguments or ()
        if argument.name.value == RESUMING
        and isinstance(argument.value, VariableNode)
        and uses.counted[argument.value.name.value] == 1
    }


class _Uses(Visitor):
    """Counts where each variable is used."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def enter_variable_definition(
        self, _node: VariableDefinitionNode, *_args: Any
    ) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_args: Any) -> None:
        self.counted[node.name.value] += 1
