"""Who asks the same and may see the same hears the same: worked out once, sent to all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

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

from kit.live import Source
from kit.operation import Operation
from kit.scope import Actor
from permissions.policy import standing
from web.documents import Selected
from web.subscribers import Said, Subscriber

RESUMING: Final = "after"
"""The argument of a live field that says where to begin, and nothing of what is told."""

# Before anything else gets a turn.
_TOLD_AT_ONCE: Final = 100

Answering = Callable[[Any], Awaitable[str]]
"""Makes of an event the answer, JSON."""


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


class Audience:
    """The subscribers who ask one question, and the one who listens for all of them."""

    def __init__(self, source: Source[Any], operation: Operation, answering: Answering) -> None:
        self.source = source
        self.subscribers: set[Subscriber] = set()
        self._operation = operation
        self._answering = answering
        self._is_decided = asyncio.Event()
        self._failure: Exception | None = None

    async def listening(self) -> None:
        """Wait until what happens is heard. Raises what keeps it from being heard."""
        await self._is_decided.wait()
        if self._failure is not None:
            raise self._failure

    async def listen(self) -> None:
        """Tell everybody what happens, without end."""
        try:
            async with self.source.live(self._operation) as steps:
                self._is_decided.set()
                async for step in steps:
                    if step.event is not None:
                        payload = await self._answering(step.event)
                        await self._tell(Said(step.mark, step.cursor, payload))
        except Exception as error:  # noqa: BLE001 - shown to each, as every error is
            self._failure = error
            for subscriber in self.subscribers:
                subscriber.fail(error)
        finally:
            self._is_decided.set()
            await self._operation.rest()

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    async def _tell(self, said: Said) -> None:
        for number, subscriber in enumerate(tuple(self.subscribers), start=1):
            subscriber.hear(said)
            if number % _TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)


class Audiences:
    """Those of this process, by their questions."""

    def __init__(self) -> None:
        self._open: dict[Question, tuple[Audience, asyncio.Task[None]]] = {}

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def joined(
        self, question: Question, subscriber: Subscriber, make: Callable[[], Audience]
    ) -> AsyncIterator[Source[Any]]:
        """Be told what happens from now on; gives what the audience listens to."""
        found = self._open.get(question)
        if found is None or found[0].has_failed:
            audience = make()
            task = asyncio.create_task(audience.listen(), name="audience")
            found = self._open[question] = (audience, task)
        audience, task = found
        subscriber.enter()
        audience.subscribers.add(subscriber)
        try:
            await audience.listening()
            yield audience.source
        finally:
            subscriber.leave()
            audience.subscribers.discard(subscriber)
            if not audience.subscribers:
                if self._open.get(question) == found:
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
