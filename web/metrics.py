"""Numbers for Prometheus at /metrics, of this process."""

from functools import cache, partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from kit.backlog import Backlog
from kit.database import Database
from kit.relay import Relay
from models.queue import STATES


class Metrics:
    """What this process counts. With BOOM_WORKERS above 1, each answers for itself only."""

    def __init__(self, database: Database, relay: Relay, backlog: Backlog) -> None:
        self.registry = CollectorRegistry()
        self._operations = Counter(
            "boom_operations_total",
            "GraphQL operations that ended.",
            ["type", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "boom_operation_seconds",
            "How long an operation took, or a subscription lasted.",
            ["type"],
            registry=self.registry,
        )
        self.sockets = Gauge("boom_open_sockets", "WebSockets now open.", registry=self.registry)
        lag = Gauge(
            "boom_live_lag_seconds",
            "For how long an event may have waited for its subscribers; about 1 when all is quiet.",
            registry=self.registry,
        )
        lag.set_function(relay.lag_seconds)
        pool = Gauge("boom_pool_connections", "Of the pool.", ["state"], registry=self.registry)
        for state in database.pool_status:
            pool.labels(state).set_function(partial(_status, database, state))
        jobs = Gauge(
            "boom_jobs",
            "In the queue that all processes share, a few seconds ago; dead ones wait for you.",
            ["state"],
            registry=self.registry,
        )
        for state in STATES:
            jobs.labels(state).set_function(partial(backlog.count, state))

        self._ended = cache(self._operations.labels)
        self._lasted = cache(self._seconds.labels)

    def count(self, type: str, status: str, seconds: float) -> None:
        self._ended(type, status).inc()
        self._lasted(type).observe(seconds)

    async def answer(self, _request: Request) -> Response:
        """The page that Prometheus reads."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


def _status(database: Database, state: str) -> int:
    return database.pool_status[state]
