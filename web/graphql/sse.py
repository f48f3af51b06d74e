"""GraphQL over Server-Sent Events in distinct connections mode: one operation a connection."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from starlette.types import Receive, Send

from execution.messages import GraphQLRequest, to_json
from execution.operations import Operations
from execution.subscriber import SEND_TIMEOUT_SECONDS, ClientDisconnected, ClientTooSlow, Subscriber
from kit.eager import PendingCoroutine, start_eagerly
from kit.operation_context import Operation
from web.graphql.credential_watcher import ClientConnection, CredentialWatcher

HEARTBEAT_SECONDS: Final = 15

_COMMENT: Final = b":\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"


class _EventSink:
    """Sends the results of one operation as events."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def offer(self, payload: str) -> PendingCoroutine | None:
        return start_eagerly(self.sending(b"event: next\ndata: %b\n\n" % payload.encode()))

    def sending(self, body: bytes, *, is_last: bool = False) -> Coroutine[Any, Any, None]:
        message = {"type": "http.response.body", "body": body, "more_body": not is_last}
        return self._send(message)  # type: ignore[return-value]


class Stream:
    """Runs one operation and streams its results, from the head of the response to its end."""

    def __init__(
        self,
        operations: Operations,
        watch: CredentialWatcher,
        caller: ClientConnection,
        operation: Operation,
        request: GraphQLRequest,
    ) -> None:
        self._operations = operations
        self._watch = watch
        self._caller = caller
        self._operation = operation
        self._request = request

    async def run(
        self,
        headers: list[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
        *,
        reads_only: bool,
    ) -> None:
        """Streams until the operation ends, the client disconnects or its credentials end.

        Also ends if the client reads too slowly. `complete` is sent only if the operation ends.
        """
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sink = _EventSink(send)
        subscriber = Subscriber(sink)
        self._caller.running[self._operation] = subscriber
        operation_task = asyncio.create_task(self._answer(sink, subscriber, reads_only=reads_only))
        tasks = [
            operation_task,
            asyncio.create_task(_until_disconnect(receive), name="a stream's client"),
            asyncio.create_task(_heartbeat(sink), name="a stream's heartbeat"),
        ]
        self._watch.begin(self._caller, operation_task.cancel)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._watch.stop(self._caller)
            del self._caller.running[self._operation]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        failed = [task for task in tasks if _has_failed(task)]
        # A client that reads nothing can't be sent the end either.
        if not failed:
            with suppress(ClientTooSlow):
                await _within_timeout(sink.sending(b"", is_last=True))

    async def _answer(self, sink: _EventSink, subscriber: Subscriber, *, reads_only: bool) -> None:
        try:
            refusal = await self._operations.stream(
                self._request, self._operation, subscriber, reads_only=reads_only
            )
            if refusal:
                await subscriber.send(to_json(refusal))
            await _within_timeout(sink.sending(_COMPLETE))
        except ClientDisconnected:
            return


def _has_failed(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _heartbeat(sink: _EventSink) -> None:
    """Sends comments so that proxies keep the stream open. Raises ClientTooSlow."""
    while True:
        await _within_timeout(sink.sending(_COMMENT))
        await asyncio.sleep(HEARTBEAT_SECONDS)


async def _within_timeout(sending: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
            await sending
    except TimeoutError as error:
        raise ClientTooSlow from error
