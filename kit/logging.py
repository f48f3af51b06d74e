"""Configures logs: one JSON object a line on standard error, without personal data."""

import atexit
import logging
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final, TextIO, cast
from uuid import UUID

import orjson
import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

_QUIET = ("alembic", "asyncio", "httpx2", "sqlalchemy", "uvicorn.access", "uvicorn.error")

GATHERED_SECONDS: Final = 0.05
MAX_QUEUED_LINES: Final = 100_000

_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
# Without local variables, which may hold names and passwords.
_EXCEPTIONS: Final = structlog.processors.ExceptionRenderer(
    ExceptionDictTransformer(show_locals=False)
)


class Gathered:
    """A stream that collects lines and writes them up to 50 ms later, in its own thread.

    A system call for each line would cost a request more than formatting it, and a slow reader
    would stall all requests. Events are formatted there too, many at once. Beyond 100,000 lines
    the oldest are dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str | EventDict] = deque(maxlen=MAX_QUEUED_LINES)
        self._has_some = threading.Event()
        self._turn = threading.Lock()
        threading.Thread(target=self._work, name="log", daemon=True).start()
        atexit.register(self.write_all)

    def write(self, text: str) -> int:
        self.put(text)
        return len(text)

    def put(self, line: str | EventDict) -> None:
        """Adds a line, or an event to be formatted as one."""
        self._lines.append(line)
        if not self._has_some.is_set():
            self._has_some.set()

    def flush(self) -> None:
        """Does nothing: lines are written soon."""

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write_all(self) -> None:
        """Writes the collected lines now."""
        with self._turn:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            self._stream.write(
                "".join(
                    [each if isinstance(each, str) else f"{_to_json(each)}\n" for each in lines]
                )
            )
            self._stream.flush()

    def _work(self) -> None:
        while self._has_some.wait():
            time.sleep(GATHERED_SECONDS)
            self._has_some.clear()
            self.write_all()


class _GatheredLogger(structlog.make_filtering_bound_logger(logging.INFO)):  # type: ignore[misc]
    """Hands events over without processors: structlog's way there takes as long as formatting."""

    def info(self, event: str, **fields: Any) -> None:
        """Logs a line of level info."""
        if self._context:
            fields = {**self._context, **fields}
        fields["event"] = event
        self._logger.put(_complete("info", fields))


class _GatheredLines:
    """Where structlog hands over the lines of other levels."""

    def __init__(self, gathered: Gathered) -> None:
        self.put = gathered.put

    def msg(self, line: str) -> None:
        self.put(f"{line}\n")

    debug = info = warning = error = critical = exception = msg


def configure_logging(
    *, readable: bool = False, stream: TextIO | None = None, gathered: bool = False
) -> None:
    """Configures structlog and the standard library's logging alike.

    ``readable`` is for a terminal: colours instead of JSON. ``gathered`` lines are written up to
    50 ms later, so that a killed process may lose them.
    """
    stream = stream or sys.stderr
    lines = Gathered(stream) if gathered else None
    if lines is not None:
        stream = cast("TextIO", lines)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if readable:
        colours = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        own: list[Processor] = [*shared, _with_ids_as_text, colours]
        foreign: list[Processor] = [colours]
    else:
        own = [_line]
        foreign = [_EXCEPTIONS, structlog.processors.JSONRenderer(serializer=_to_json)]
    structlog.configure(
        processors=own,
        wrapper_class=(
            structlog.make_filtering_bound_logger(logging.INFO)
            if readable or lines is None
            else _GatheredLogger
        ),
        logger_factory=(
            structlog.WriteLoggerFactory(file=stream)
            if lines is None
            else lambda *_: _GatheredLines(lines)
        ),
        cache_logger_on_first_use=True,
    )

    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *foreign],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """Formats an event in one step: each further processor is a call more for every request."""
    if "exc_info" in event:
        event = _EXCEPTIONS(logger, method, event)
    return _to_json(_complete(method, event))


def _complete(level: str, event: EventDict) -> EventDict:
    event["level"] = level
    event["timestamp"] = datetime.now(UTC)
    return event


def _with_ids_as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # JSON prints ids as text without this.
    return {key: str(value) if isinstance(value, UUID) else value for key, value in event.items()}


def _to_json(event: object, **_: object) -> str:
    return orjson.dumps(event, default=str, option=_OPTIONS).decode()
