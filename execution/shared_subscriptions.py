"""Shares one execution among subscribers with the same operation and the same permissions."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
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
from kit.events.event_streams import SortKey, Source, StreamItem
from kit.live_budget import Pace
from kit.operation_context import Operation
from permissions.policy import visibility_key

RESUMING: Final = "after"
"""The argument of a live field that says where to begin, and doesn't affect its events."""

# How many subscribers are sent an event before the event loop runs other tasks.
_DELIVERIES_A_TURN: Final = 250

# How many subscriptions of a tenant are executed at the same time: a tenant with many delays its
# own, and never those of another tenant.
_MAX_CONCURRENT_ANSWERS: Final = 2
_MAX_PAUSE_SECONDS: Final = 0.1

# How many replays run at the same time; subscribers that come meanwhile wait, and share one.
_MAX_CONCURRENT_REPLAYS: Final = 4
_REPLAY_LENGTH: Final = 500
_REPLAY_CHARACTERS: Final = 1_000_000


class Performer(Protocol):
    """Executes the selection set of an operation on events, to JSON.

    ``excess`` are the points that the last execution took beyond the price.
    """

    operation: Operation
    excess: int

    async def answer(self, event: object) -> str: ...

    async def answers(self, events: Sequence[object]) -> list[str]:
        """Returns the same for each, in one execution."""
        ...


@dataclass(frozen=True, slots=True)
class SubscriptionKey:
    """Everything that decides a subscriber's events: the operation, and what the actor may see."""

    text: str
    operation_name: str | None
    variables: bytes
    visibility_key: Actor

    @classmethod
    def of(
        cls,
        selected: ParsedOperation,
        text: str,
        variables: Mapping[str, Any],
        actor: Actor,
        *,
        is_personal: bool = False,
    ) -> Self:
        """Builds the key from the document's text and the variables as the client sent them.

        Personal events are shared by the sessions of one caller only.
        """
        left_out = _only_resuming(selected)
        counting = {name: value for name, value in variables.items() if name not in left_out}
        written = orjson.dumps(counting, option=orjson.OPT_SORT_KEYS)
        seen = replace(actor, session_id=None) if is_personal else visibility_key(actor)
        return cls(text, selected.name, written, seen)


@dataclass(slots=True)
class Replay:
    """The missed events in order, or the first part of them if there are many."""

    messages: list[Message] = field(default_factory=list)
    sort_key: SortKey = ()
    cursor: EventCursor | None = None
    characters: int = 0
    excess: int = 0
    is_all: bool = False

    @property
    def is_full(self) -> bool:
        return len(self.messages) >= _REPLAY_LENGTH or self.characters >= _REPLAY_CHARACTERS


class SharedSubscription:
    """Listens to a source, executes each event once, and delivers it to all subscribers."""

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
        self._replays: dict[EventCursor | None, asyncio.Task[Replay]] = {}
        self._is_decided = asyncio.Event()
        self._failure: Exception | None = None

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    @property
    def is_empty(self) -> bool:
        return not self._subscribers

    def add(self, subscriber: Subscriber, payer: Payer) -> None:
        subscriber.attach(payer, self._price)
        self._subscribers[payer].add(subscriber)
        self._pace.wanted.set()

    def remove(self, subscriber: Subscriber, payer: Payer) -> None:
        subscriber.detach()
        self._subscribers[payer].discard(subscriber)
        if not self._subscribers[payer]:
            del self._subscribers[payer]

    async def listening(self) -> None:
        """Waits until the source is listened to. Raises the error if that fails."""
        await self._is_decided.wait()
        if self._failure is not None:
            raise self._failure

    async def listen(self) -> None:
        """Delivers events to all subscribers until cancelled."""
        performer = self._performer()
        try:
            async with self._source.live(performer.operation) as steps:
                self._is_decided.set()
                async for step in steps:
                    unable = self._charge(step)
                    if step.event is not None and self._pace.wanted.is_set():
                        async with self._taken_turn():
                            payload = await performer.answer(step.event)
                        self._take(performer.excess, unable)
                        await self._deliver(Message(step.sort_key, step.cursor, payload), unable)
        except Exception as error:  # noqa: BLE001 - sent to each subscriber, formatted
            self._failure = error
            for group in self._subscribers.values():
                for subscriber in group:
                    subscriber.fail(error)
        finally:
            self._is_decided.set()
            await performer.operation.release()

    async def replay(self, after: EventCursor | None) -> Replay:
        """Reads the events since a cursor, or the first part of them.

        Subscribers that return with the same cursor share one replay, if it begins after that.
        """
        self._pace.wanted.set()
        task = self._replays.get(after)
        if task is None:
            task = self._replays[after] = asyncio.create_task(self._read(after), name="replay")
        return await asyncio.shield(task)

    async def gap_event(self, cursor: EventCursor) -> str:
        """Returns the JSON that tells a client that the events up to a cursor were dropped."""
        self._pace.wanted.set()
        performer = self._performer()
        try:
            return await performer.answer(self._source.gap_event(cursor))
        finally:
            await performer.operation.release()

    async def _read(self, after: EventCursor | None) -> Replay:
        async with self._replaying:
            # A subscriber that comes from now on needs a replay that begins after this one.
            del self._replays[after]
            performer = self._performer()
            found = Replay()
            try:
                async with aclosing(self._source.replay(performer.operation, after)) as batches:
                    async for steps in batches:
                        told = [step for step in steps if step.event is not None]
                        async with self._taken_turn():
                            payloads = await performer.answers([step.event for step in told])
                        for step, payload in zip(told, payloads, strict=True):
                            found.messages.append(Message(step.sort_key, step.cursor, payload))
                            found.characters += len(payload)
                        found.excess += performer.excess
                        if steps:
                            found.sort_key, found.cursor = steps[-1].sort_key, steps[-1].cursor
                        if found.is_full:
                            return found
                found.is_all = True
                return found
            finally:
                await performer.operation.release()

    def _performer(self) -> Performer:
        performer = self._perform()
        performer.operation.pace = self._pace
        return performer

    @asynccontextmanager
    async def _taken_turn(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        await self._turn.acquire()
        began = loop.time()
        try:
            yield
        finally:
            # The event loop is shared: a turn lasts as long again as its execution took, so that
            # one tenant's subscriptions take no more than about half of it.
            took = min(loop.time() - began, _MAX_PAUSE_SECONDS)
            loop.call_later(took, self._turn.release)

    def _charge(self, step: StreamItem[Any]) -> set[Payer]:
        """Charges all payers for an event; returns those who can't pay, and don't get it.

        Subscribers that have dropped events drop this one too, and don't pay for it. If no
        subscriber is left, events aren't executed until one is.
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
                subscriber.drop_until(step)
            is_wanted = is_wanted or number > 0
        if not is_wanted:
            self._pace.wanted.clear()
        return unable

    def _take(self, excess: int, unable: Collection[Payer]) -> None:
        """Charges those who paid for an event the points its execution took beyond the price."""
        if excess:
            for payer, group in self._subscribers.items():
                if payer not in unable and not all(each.is_behind for each in group):
                    payer.take(excess)

    async def _deliver(self, message: Message, unable: Collection[Payer]) -> None:
        able = [
            subscriber
            for payer, group in self._subscribers.items()
            if payer not in unable
            for subscriber in group
        ]
        for number, subscriber in enumerate(able, start=1):
            subscriber.deliver(message)
            if number % _DELIVERIES_A_TURN == 0:
                await asyncio.sleep(0)


class SubscriptionRegistry:
    """The shared subscriptions of this process, by their keys."""

    def __init__(self) -> None:
        self._open: dict[SubscriptionKey, tuple[SharedSubscription, asyncio.Task[None]]] = {}
        self._replaying = asyncio.Semaphore(_MAX_CONCURRENT_REPLAYS)
        self._turns: WeakValueDictionary[UUID | None, asyncio.Semaphore] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def subscribe(
        self,
        key: SubscriptionKey,
        subscriber: Subscriber,
        payer: Payer,
        source: Source[Any],
        perform: Callable[[], Performer],
        *,
        price: int,
    ) -> AsyncIterator[SharedSubscription]:
        """Adds a subscriber to the shared subscription of a key, which is created if needed.

        ``price`` are the points that each event costs.
        """
        found = self._open.get(key)
        if found is None or found[0].has_failed:
            turn = self._turns.setdefault(
                key.visibility_key.tenant_id, asyncio.Semaphore(_MAX_CONCURRENT_ANSWERS)
            )
            made = SharedSubscription(source, perform, self._replaying, turn, price=price)
            task = asyncio.create_task(made.listen(), name="subscription")
            found = self._open[key] = (made, task)
        shared, task = found
        shared.add(subscriber, payer)
        try:
            await shared.listening()
            yield shared
        finally:
            shared.remove(subscriber, payer)
            if shared.is_empty:
                if self._open.get(key) is found:
                    del self._open[key]
                task.cancel()
                await asyncio.wait([task])


def _only_resuming(selected: ParsedOperation) -> set[str]:
    """Returns the variables that are used only for the argument ``after``."""
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
    """Counts the uses of each variable."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def enter_variable_definition(
        self, _node: VariableDefinitionNode, *_args: Any
    ) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_args: Any) -> None:
        self.counted[node.name.value] += 1
