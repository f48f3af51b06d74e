"""Metrics of this process for Prometheus, at /metrics."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from hmac import compare_digest
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from kit.events.handler_gauge import HandlerGauge
from kit.events.log_relay import Relay
from kit.events.rollup_gauge import RollupGauge
from kit.jobs.queue_gauge import QueueGauge
from kit.postgres.database import Database
from kit.security.event_counts import SecurityCounts
from models.core.job_queue import STATES

_BOUNDS: Final = Histogram.DEFAULT_BUCKETS
_NAMES: Final = [*map(str, _BOUNDS[:-1]), "+Inf"]


class AnswerPath(StrEnum):
    """Why an operation was executed by a compiled read, in part by one, or field by field."""

    COMPILED = "compilable"
    IN_PART = "partly_compilable"
    NOT_COMPILABLE = "not_compilable"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"
    ANONYMOUS = "anonymous"
    OFF = "off"
    ARGUMENTS_REFUSED = "arguments_refused"
    PLAN_FAILED = "plan_failed"
    READ_FAILED = "read_failed"
    AWAY = "away"

    @property
    def how(self) -> str:
        """The group of the path: compiled, in part, or by fields."""
        match self:
            case AnswerPath.COMPILED:
                return "compiled"
            case AnswerPath.IN_PART:
                return "in_part"
            case _:
                return "by_fields"


class Metrics:
    """The metrics of this process. With BOOM_WORKERS above 1, each process has its own."""

    def __init__(
        self,
        database: Database,
        relay: Relay,
        backlog: QueueGauge,
        security: SecurityCounts,
        handlers: HandlerGauge,
        rollups: RollupGauge,
        *,
        token: str | None,
    ) -> None:
        self._token = token
        self.registry = CollectorRegistry()
        self.registry.register(_Security(security))
        self.registry.register(_Handlers(handlers))
        self._ended = _Ended()
        self.registry.register(self._ended)
        # Counted without prometheus_client for the same reason as in `_Ended`.
        self._paths = dict.fromkeys(AnswerPath, 0)
        self.registry.register(_Paths(self._paths))
        self._refusals: Counter[str] = Counter()
        self.registry.register(_Refusals(self._refusals))
        self.sockets = Gauge("boom_open_sockets", "Open WebSockets.", registry=self.registry)
        lag = Gauge(
            "boom_live_lag_seconds",
            "How long an event may have waited for its subscribers; about 1 when idle.",
            registry=self.registry,
        )
        lag.set_function(relay.lag_seconds)
        rollup_lag = Gauge(
            "boom_rollup_lag_seconds",
            "How long the oldest event that analytics haven't counted has waited, a few seconds "
            "ago; 0 if all are counted.",
            registry=self.registry,
        )
        rollup_lag.set_function(rollups.lag_seconds)
        pool = Gauge(
            "boom_pool_connections",
            "Database connections of the pools, by state.",
            ["state"],
            registry=self.registry,
        )
        for state in database.pool_status:
            pool.labels(state).set_function(partial(_status, database, state))
        jobs = Gauge(
            "boom_jobs",
            "Jobs in the queue of all processes, a few seconds ago; dead ones need an operator.",
            ["state"],
            registry=self.registry,
        )
        for state in STATES:
            jobs.labels(state).set_function(partial(backlog.count, state))

    def count(self, type: str, status: str, seconds: float) -> None:
        self._ended.count(type, status, seconds)

    def count_refusals(self, codes: Iterable[str]) -> None:
        """Counts what mutations were refused for, which are errors of the user, not of the API."""
        self._refusals.update(codes)

    def count_path(self, path: AnswerPath) -> None:
        """Counts an operation by how it is answered."""
        self._paths[path] += 1

    async def answer(self, request: Request) -> Response:
        """Responds to Prometheus, which must send the token if there is one."""
        given = request.headers.get("authorization", "")
        wanted = None if self._token is None else f"Bearer {self._token}"
        if wanted is not None and not compare_digest(given.encode(), wanted.encode()):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class _Ended(Collector):
    """Counts operations that ended.

    Without the locks and labels of prometheus_client, which each request would pay for: the same
    thread counts and reads.
    """

    def __init__(self) -> None:
        self._by_status: dict[tuple[str, str], int] = {}
        self._lasted: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def count(self, type: str, status: str, seconds: float) -> None:
        key = type, status
        self._by_status[key] = self._by_status.get(key, 0) + 1
        lasted = self._lasted.get(type)
        if lasted is None:
            lasted = self._lasted[type] = [0] * len(_BOUNDS)
        lasted[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds[type] = self._seconds.get(type, 0.0) + seconds

    def collect(self) -> Iterator[Metric]:
        """Yields the current values."""
        ended = CounterMetricFamily(
            "boom_operations", "Finished GraphQL operations.", labels=["type", "status"]
        )
        for (type, status), number in self._by_status.items():
            ended.add_metric([type, status], number)
        yield ended
        lasted = HistogramMetricFamily(
            "boom_operation_seconds",
            "The duration of an operation or a subscription.",
            labels=["type"],
        )
        for type, numbers in self._lasted.items():
            buckets = list(zip(_NAMES, map(float, accumulate(numbers)), strict=True))
            lasted.add_metric([type], buckets, self._seconds[type])
        yield lasted


class _Paths(Collector):
    """Collects how operations were answered."""

    def __init__(self, by_path: Mapping[AnswerPath, int]) -> None:
        self._by_path = by_path

    def collect(self) -> Iterator[Metric]:
        """Yields the current values."""
        answered = CounterMetricFamily(
            "boom_operation_paths",
            "GraphQL operations by how they were executed: by a compiled read or field by field.",
            labels=["how", "why"],
        )
        for path, number in self._by_path.items():
            answered.add_metric([path.how, path.value], number)
        yield answered


class _Refusals(Collector):
    """Collects the codes of `userErrors`."""

    def __init__(self, by_code: Mapping[str, int]) -> None:
        self._by_code = by_code

    def collect(self) -> Iterator[Metric]:
        """Yields the current values."""
        refused = CounterMetricFamily(
            "boom_refusals", "Errors that mutations returned in `userErrors`.", labels=["code"]
        )
        for code, number in self._by_code.items():
            refused.add_metric([code], number)
        yield refused


class _Security(Collector):
    """Collects security events of accounts."""

    def __init__(self, counts: SecurityCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Yields the current values."""
        happened = CounterMetricFamily(
            "boom_security_events",
            "Security events of accounts, such as failed logins.",
            labels=["event", "outcome"],
        )
        for (event, outcome), number in self._counts.by_event.items():
            happened.add_metric([event, outcome], number)
        yield happened


class _Handlers(Collector):
    """Collects what the handlers of events have done, and how far behind they are."""

    def __init__(self, gauge: HandlerGauge) -> None:
        self._gauge = gauge

    def collect(self) -> Iterator[Metric]:
        """Yields the current values."""
        entries = CounterMetricFamily(
            "boom_handler_events",
            "Events that a handler has handled, and attempts that failed.",
            labels=["handler", "outcome"],
        )
        for (handler, outcome), number in self._gauge.counts.items():
            entries.add_metric([handler, outcome], number)
        yield entries
        lag = GaugeMetricFamily(
            "boom_handler_lag_seconds",
            "How long a handler's oldest event has waited, a few seconds ago; 0 if none waits.",
            labels=["handler"],
        )
        for handler, seconds in self._gauge.lag_seconds().items():
            lag.add_metric([handler], seconds)
        yield lag


def _status(database: Database, state: str) -> int:
    return database.pool_status[state]
