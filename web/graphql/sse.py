"""GraphQL over Server-Sent Events, in distinct connections mode: a connection an operation."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from starlette.types import Receive, Send

from execution.operations import GraphQLRequest, Operations, to_json
from execution.subscriber import SEND_TIMEOUT_SECONDS, ClientDisconnected, ClientTooSlow, Subscriber
from kit.eager import PendingCoroutine, start_eagerly
from kit.operation_context import Operation
from web.graphql.credential_watcher import ClientConnection, CredentialWatcher

HEARTBEAT_SECONDS: Final = 15

_COMMENT: Final = b":\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"


class _Outlet:
    """Where the answers of a stream go."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def offer(self, payload: str) -> PendingCoroutine | None:
        return start_eagerly(self.sending(b"event: next\ndata: %b\n\n" % payload.encode()))

    def sending(self, body: bytes, *, is_last: bool = False) -> Coroutine[Any, Any, None]:
        message = {"type": "http.response.body", "body": body, "more_body": not is_last}
        return self._send(message)  # type: ignore[return-value]


class Stream:
    """One operation and its answers, from the head of the response to its end."""

    def __init__(
        self,
        operations: Operations,
        watch: CredentialWatcher,
        caller: ClientConnection,
        operation: Operation,
        asked: GraphQLRequest,
    ) -> None:
        self._operations = operations
        self._watch = watch
        self._caller = caller
        self._operation = operation
        self._asked = asked

    async def run(
        self,
        headers: list[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
        *,
        reads_only: bool,
    ) -> None:
        """Answer until the operation, the client, its credentials or the server's patience end.

        Only where the operation ends, the client is told that it is complete.
        """
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        outlet = _Outlet(send)
        subscriber = Subscriber(outlet)
        self._caller.running[self._operation] = subscriber
        answering = asyncio.create_task(self._answer(outlet, subscriber, reads_only=reads_only))
        beside = [
            answering,
            asyncio.create_task(_until_gone(receive), name="a stream's client"),
            asyncio.create_task(_beat(outlet), name="a stream's heartbeat"),
        ]
        self._watch.begin(self._caller, answering.cancel)
        try:
            await asyncio.wait(beside, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._watch.stop(self._caller)
            del self._caller.running[self._operation]
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
        failed = [task for task in beside if _has_failed(task)]
        # To a client that takes nothing, not even the end can be told.
        if not failed:
            with suppress(ClientTooSlow):
                await _in_time(outlet.sending(b"", is_last=True))

    async def _answer(self, outlet: _Outlet, subscriber: Subscriber, *, reads_only: bool) -> None:
        try:
            refusal = await self._operations.stream(
                self._asked, self._operation, subscriber, reads_only=reads_only
            )
            if refusal:
                await subscriber.send(to_json(refusal))
            await _in_time(outlet.sending(_COMPLETE))
        except ClientDisconnected:
            return


def _has_failed(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _beat(outlet: _Outlet) -> None:
    """Show proxies and clients that the stream lives. Ends where nobody reads it."""
    while True:
        await _in_time(outlet.sending(_COMMENT))
        await asyncio.sleep(HEARTBEAT_SECONDS)


async def _in_time(sending: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
            await sending
    except TimeoutError as error:
        raise ClientTooSlow from error
