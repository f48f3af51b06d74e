"""Who asks the same and may see the same hears the same: worked out once, sent to all."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self
from uuid import UUID
from weakref import WeakValueDictionary

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

from execution.document_cache import ParsedOperation
from execution.payer import Payer
from execution.subscriber import Message, Subscriber
from kit.actor import Actor
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import Mark, Source, StreamItem
from kit.live_budget import Pace
from kit.operation_context import Operation
from permissions.policy import visibility_key

RESUMING: Final = "after"
"""The argument of a live field that says where to begin, and nothing of what is told."""

# Before anything else gets a turn.
_TOLD_AT_ONCE: Final = 250

# So many questions of a tenant are read for and answered at the same time: whoever asks much has
# others wait for their turn, and never those of another tenant.
_ANSWERED_AT_ONCE: Final = 2
_LONGEST_PAUSE_SECONDS: Final = 0.1

# So many read what was missed at the same time; those who come meanwhile wait, and share.
_REPLAYS_AT_ONCE: Final = 4
_MISSED_LENGTH: Final = 200
_MISSED_CHARACTERS: Final = 1_000_000


class Performer(Protocol):
    """An operation, with what its selection set makes of an event: the answer, JSON.

    ``excess`` is what the last answer took beyond the price.
    """

    operation: Operation
    excess: int

    async def answer(self, event: object) -> str: ...


@dataclass(frozen=True, slots=True)
class SubscriptionKey:
    """All that decides what a subscriber is told: the operation, and who may see how much."""

    text: str
    operation_name: str | None
    variables: bytes
    visibility_key: Actor

    @classmethod
    def of(
        cls, selected: ParsedOperation, text: str, variables: Mapping[str, Any], actor: Actor
    ) -> Self:
        """``text`` is the document's, ``variables`` are as the client sent them."""
        left_out = _only_resuming(selected)
        counting = {name: value for name, value in variables.items() if name not in left_out}
        written = orjson.dumps(counting, option=orjson.OPT_SORT_KEYS)
        return cls(text, selected.name, written, visibility_key(actor))


@dataclass(slots=True)
class Replay:
    """What was missed, in order; a part of it where there is more than a client waits for."""

    said: list[Message] = field(default_factory=list)
    mark: Mark = ()
    cursor: EventCursor | None = None
    characters: int = 0
    excess: int = 0
    is_all: bool = False

    @property
    def is_full(self) -> bool:
        return len(self.said) >= _MISSED_LENGTH or self.characters >= _MISSED_CHARACTERS


class SharedSubscription:
    """The subscribers who ask one question, and the one who listens for all of them."""

    def __init__(
        self,
        source: Source[Any],
        perform: Callable[[], Performer],
        replaying: asyncio.Semaphore,
        turn: asyncio.Semaphore,
        *,
        price: int,
    ) -> None:
        self._subscribers: defaultdict[Payer, set[Subscriber]] = defaultdict(set)
        self._source = source
        self._perform = perform
        self._replaying = replaying
        self._turn = turn
        self._pace = Pace(turn)
        self._price = price
        self._awaited: dict[EventCursor | None, asyncio.Task[Replay]] = {}
        self._is_decided = asyncio.Event()
        self._failure: Exception | None = None

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    @property
    def is_empty(self) -> bool:
        return not self._subscribers

    def add(self, subscriber: Subscriber, payer: Payer) -> None:
        subscriber.enter(payer, self._price)
        self._subscribers[payer].add(subscriber)
        self._pace.wanted.set()

    def remove(self, subscriber: Subscriber, payer: Payer) -> None:
        subscriber.leave()
        self._subscribers[payer].discard(subscriber)
        if not self._subscribers[payer]:
            del self._subscribers[payer]

    async def listening(self) -> None:
        """Wait until what happens is heard. Raises what keeps it from being heard."""
        await self._is_decided.wait()
        if self._failure is not None:
            raise self._failure

    async def listen(self) -> None:
        """Tell everybody what happens, without end."""
        performer = self._performer()
        try:
            async with self._source.live(performer.operation) as steps:
                self._is_decided.set()
                async for step in steps:
                    unable = self._charge(step)
                    if step.event is not None and self._pace.wanted.is_set():
                        payload = await self._answer(performer, step.event)
                        self._take(performer.excess, unable)
                        await self._tell(Message(step.mark, step.cursor, payload), unable)
        except Exception as error:  # noqa: BLE001 - shown to each, as every error is
            self._failure = error
            for group in self._subscribers.values():
                for subscriber in group:
                    subscriber.fail(error)
        finally:
            self._is_decided.set()
            await performer.operation.rest()

    async def missed(self, after: EventCursor | None) -> Replay:
        """What happened since a cursor up to now, or the first part of it.

        All who have come back to the same cursor share it, if it is read after they have.
        """
        self._pace.wanted.set()
        reading = self._awaited.get(after)
        if reading is None:
            reading = self._awaited[after] = asyncio.create_task(self._read(after), name="missed")
        return await asyncio.shield(reading)

    async def gap(self, cursor: EventCursor) -> str:
        """The answer that says that all up to a cursor was dropped."""
        self._pace.wanted.set()
        performer = self._performer()
        try:
            return await performer.answer(self._source.gap(cursor))
        finally:
            await performer.operation.rest()

    async def _read(self, after: EventCursor | None) -> Replay:
        async with self._replaying:
            # Who comes from now on may already have been told less than this will read.
            del self._awaited[after]
            performer = self._performer()
            found = Replay()
            try:
                async with aclosing(self._source.missed(performer.operation, after)) as steps:
                    async for step in steps:
                        if step.event is not None:
                            payload = await self._answer(performer, step.event)
                            found.said.append(Message(step.mark, step.cursor, payload))
                            found.characters += len(payload)
                            found.excess += performer.excess
                        found.mark, found.cursor = step.mark, step.cursor
                        if found.is_full:
                            return found
                found.is_all = True
                return found
            finally:
                await performer.operation.rest()

    def _performer(self) -> Performer:
        performer = self._perform()
        performer.operation.pace = self._pace
        return performer

    async def _answer(self, performer: Performer, event: object) -> str:
        loop = asyncio.get_running_loop()
        await self._turn.acquire()
        began = loop.time()
        try:
            return await performer.answer(event)
        finally:
            # The loop is everybody's: a turn lasts as long again as its answer took, so that one
            # tenant's questions take no more than about half of it.
            took = min(loop.time() - began, _LONGEST_PAUSE_SECONDS)
            loop.call_later(took, self._turn.release)

    def _charge(self, step: StreamItem[Any]) -> set[Payer]:
        """Have an event paid for; gives those who can't, whose subscribers lose it.

        Who has lost something already loses this as well, and pays for nothing. Where nobody is
        left, nothing is wanted until somebody is.
        """
        unable = set()
        is_wanted = False
        for payer, group in self._subscribers.items():
            behind = [subscriber for subscriber in group if subscriber.is_behind]
            number = len(group) - len(behind)
            if step.event is not None and number:
                charge = payer.charge(max(self._price, number))
                if not charge.allowed:
                    unable.add(payer)
                    behind, number = list(group), 0
            for subscriber in behind:
                subscriber.lose(step)
            is_wanted = is_wanted or number > 0
        if not is_wanted:
            self._pace.wanted.clear()
        return unable

    def _take(self, excess: int, unable: Collection[Payer]) -> None:
        """Have those who paid for an event pay what its answer took beyond the price."""
        if excess:
            for payer, group in self._subscribers.items():
                if payer not in unable and not all(each.is_behind for each in group):
                    payer.take(excess)

    async def _tell(self, said: Message, unable: Collection[Payer]) -> None:
        able = [
            subscriber
            for payer, group in self._subscribers.items()
            if payer not in unable
            for subscriber in group
        ]
        for number, subscriber in enumerate(able, start=1):
            subscriber.hear(said)
            if number % _TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)


class SubscriptionRegistry:
    """Those of this process, by their questions."""

    def __init__(self) -> None:
        self._open: dict[SubscriptionKey, tuple[SharedSubscription, asyncio.Task[None]]] = {}
        self._replaying = asyncio.Semaphore(_REPLAYS_AT_ONCE)
        self._turns: WeakValueDictionary[UUID | None, asyncio.Semaphore] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def joined(
        self,
        question: SubscriptionKey,
        subscriber: Subscriber,
        payer: Payer,
        source: Source[Any],
        perform: Callable[[], Performer],
        *,
        price: int,
    ) -> AsyncIterator[SharedSubscription]:
        """Be among those who are told. Where nobody is yet, ``source`` is listened to.

        ``price`` is what an event of this question costs.
        """
        found = self._open.get(question)
        if found is None or found[0].has_failed:
            turn = self._turns.setdefault(
                question.visibility_key.tenant_id, asyncio.Semaphore(_ANSWERED_AT_ONCE)
            )
            made = SharedSubscription(source, perform, self._replaying, turn, price=price)
            task = asyncio.create_task(made.listen(), name="audience")
            found = self._open[question] = (made, task)
        audience, task = found
        audience.add(subscriber, payer)
        try:
            await audience.listening()
            yield audience
        finally:
            audience.remove(subscriber, payer)
            if audience.is_empty:
                if self._open.get(question) is found:
                    del self._open[question]
                task.cancel()
                await asyncio.wait([task])


def _only_resuming(selected: ParsedOperation) -> set[str]:
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
