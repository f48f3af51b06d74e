"""The HTTP client of an API like OpenAI's: what it reads, how long it waits, and its errors."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar, cast

import httpx2
import structlog
from openai import APIError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAIError

from integrations.assistant.protocol import (
    ModelAnswerInvalid,
    ModelAnswerTooLong,
    ModelBusy,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
)

MAX_ANSWER_BYTES: Final = 2_000_000
MAX_ATTEMPTS: Final = 3

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_BUSY: Final = frozenset({"rate_limit_exceeded", "slow_down"})
# Waiting doesn't help: somebody has to pay first.
_OUT_OF_CREDIT: Final = "insufficient_quota"
# What the package raises for an answer that isn't as documented: it checks no types.
MALFORMED: Final = (ValueError, TypeError, AttributeError, LookupError, RecursionError)

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long to wait for a provider, in seconds.

    ``first_event`` counts from a request, ``next_event`` from the last event. ``answer`` is the
    limit of all together, including repeated requests.
    """

    connect: float = 5.0
    first_event: float = 20.0
    next_event: float = 20.0
    answer: float = 28.0


class Deadline:
    """The limits of one answer, on the clock of the event loop."""

    def __init__(self, limits: TimeLimits) -> None:
        self._ends = _now() + limits.answer

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Raises ModelTimeout if the block takes longer, or reaches the limit of the answer."""
        try:
            async with asyncio.timeout_at(min(self._ends, _now() + seconds)):
                yield
        except TimeoutError:
            raise ModelTimeout("the provider doesn't answer in time") from None

    def allows(self, seconds: float) -> bool:
        """Whether there is time for an answer after a wait."""
        return _now() + seconds < self._ends


def client_of(
    *, api_key: str, base_url: str, limits: TimeLimits, content_type: str, max_answer_bytes: int
) -> AsyncOpenAI:
    """Returns a client that follows no redirects, repeats nothing, and limits what it reads."""

    async def check(response: httpx2.Response) -> None:
        # The package would take whatever it is for an answer without events.
        if response.is_success and content_type not in response.headers.get("content-type", ""):
            raise ModelAnswerInvalid(f"an answer isn't {content_type}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ModelAnswerInvalid("an answer is compressed, though that wasn't accepted")
        stream = cast("httpx2.AsyncByteStream", response.stream)
        response.stream = _LimitedStream(stream, max_answer_bytes)

    return AsyncOpenAI(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        # The limit is of bytes that were received: compressed, few of them could become many.
        default_headers={"Accept-Encoding": "identity"},
        http_client=httpx2.AsyncClient(
            timeout=httpx2.Timeout(limits.answer, connect=limits.connect),
            limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=20),
            follow_redirects=False,
            event_hooks={"response": [check]},
        ),
    )


class _LimitedStream(httpx2.AsyncByteStream):
    """The body of an answer. Raises ModelAnswerTooLong after a number of bytes."""

    def __init__(self, stream: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for chunk in self._stream:
            count += len(chunk)
            if count > self._max_bytes:
                raise ModelAnswerTooLong(f"an answer has more than {self._max_bytes} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def requested(
    request: Callable[[], Awaitable[T]], *, limits: TimeLimits, deadline: Deadline
) -> T:
    """Sends a request, and repeats it if the provider is busy or has failed.

    Waits for as long as the provider asks, or for a second and then two. Raises ModelError, at
    once if the wait would take longer than the answer may.
    """
    attempt = 1
    while True:
        try:
            async with deadline.within(limits.first_event):
                return await request()
        except (OpenAIError, *MALFORMED) as failure:
            wait = _seconds_to_wait(failure, attempt)
            if wait is None or attempt == MAX_ATTEMPTS or not deadline.allows(wait):
                raise model_error(failure) from None
        log.info("model.repeated", attempt=attempt, wait_seconds=round(wait, 1))
        await asyncio.sleep(wait)
        attempt += 1


def model_error(failure: Exception) -> ModelError:
    """Returns the error of what the client raised.

    It quotes the code of the provider but not its text, which may hold the key or the request.
    """
    match failure:
        case APITimeoutError():
            return ModelTimeout("the provider doesn't answer in time")
        case APIStatusError():
            return _refusal(failure.status_code, failure.code, _retry_after(failure))
        case APIError(code=code) if code is not None:
            return failure_of(code)
        case OpenAIError():
            return ModelUnavailable(f"the connection failed: {type(failure).__name__}")
        case _:
            return ModelAnswerInvalid(f"an answer can't be read: {type(failure).__name__}")


def failure_of(code: object) -> ModelError:
    """Returns the error of a failure that a provider reports in the middle of an answer."""
    if code in _BUSY:
        return ModelBusy(f"the provider is busy: {_named(code)}")
    return ModelUnavailable(f"the provider failed: {_named(code)}")


def _refusal(status: int, code: str | None, retry_after_seconds: float | None) -> ModelError:
    text = f"the provider answers {status}, code {_named(code)}"
    if status == 429 and code != _OUT_OF_CREDIT:
        return ModelBusy(text, retry_after_seconds=retry_after_seconds)
    return ModelUnavailable(text)


def _seconds_to_wait(failure: Exception, attempt: int) -> float | None:
    """Returns how long to wait before a further attempt, and None if none can succeed."""
    if not isinstance(failure, APIStatusError) or failure.code == _OUT_OF_CREDIT:
        return None
    if failure.status_code != 429 and failure.status_code < 500:
        return None
    wanted = _retry_after(failure)
    return float(attempt) if wanted is None else wanted


def _retry_after(refusal: APIStatusError) -> float | None:
    """Returns the seconds of Retry-After, which holds a number or a date (RFC 9110, 10.2.3)."""
    text = refusal.response.headers.get("retry-after", "")
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _named(code: object) -> str:
    """Returns a code that is fit for the log."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "unknown"


def _now() -> float:
    return asyncio.get_running_loop().time()
