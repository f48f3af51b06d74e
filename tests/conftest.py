"""A database for each module of tests, an app of its own for each test, and clients for it."""

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path

import asyncpg
import httpx2
import hypothesis
import pytest
import pytest_asyncio
import structlog
import uvicorn
from starlette.applications import Starlette

import kit.postgres.database
from app import build_app
from kit.gc_tuning import freeze_gc
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.security.refusal_delay import RefusalDelay
from kit.settings import Environment, Settings
from tests.differential.both_ways import both_ways as both_ways
from tests.support.client import Api, From
from tests.support.clock import StoppedClock
from tests.support.connections import close_kept, connect, keep_connections
from tests.support.database import SECRET, drop_database, fresh_database, start_server, stop_server
from tests.support.engines import create_async_engine
from tests.support.parsed import nothing_shared, share_parsed
from tests.support.statements import background
from tests.support.work import forget_jobs

_WORKER = "PYTEST_XDIST_WORKER"


# However slow the machine, no rule is broken by that. No database: what fails is printed. The
# same examples each time, so that nothing fails by chance; `make soak` looks for others.
hypothesis.settings.register_profile(
    "same",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    database=None,
    print_blob=True,
    derandomize=True,
)
hypothesis.settings.register_profile(
    "others", hypothesis.settings.get_profile("same"), derandomize=False, max_examples=1_000
)
hypothesis.settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    vars(kit.postgres.database)["create_async_engine"] = create_async_engine
    vars(asyncpg)["connect"] = connect
    share_parsed()
    _print_plain_tracebacks()
    if _WORKER not in os.environ and not config.option.collectonly:
        start_server()


def pytest_collection_finish(session: pytest.Session) -> None:
    # What is loaded by now stays, and what comes is looked through less often than by default:
    # that took a twelfth of the processor time.
    freeze_gc()
    gc.set_threshold(10_000)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _WORKER not in os.environ and not config.option.collectonly:
        stop_server()


def _print_plain_tracebacks() -> None:
    """Disables structlog's tracebacks with local variables, which take seconds."""
    *before, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*before, plain])


@pytest_asyncio.fixture(scope="module")
async def database(request: pytest.FixtureRequest) -> AsyncIterator[DatabaseUrls]:
    """A migrated database that the tests of one module share."""
    module = sha256(request.node.nodeid.encode()).hexdigest()[:8]
    name = f"{os.environ.get(_WORKER, 'main')}_{module}"
    urls = await fresh_database(name)
    keep_connections()
    yield urls
    await close_kept()
    await drop_database(name)


@pytest.fixture(autouse=True)
def parsed_anew(request: pytest.FixtureRequest) -> Iterator[None]:
    """Shares nothing with a test that replaces code, which may be what parses and compiles."""
    fixtures = request.node._fixtureinfo
    replacing = [
        name
        for name, definitions in fixtures.name2fixturedefs.items()
        if name != both_ways.__name__ and "monkeypatch" in definitions[-1].argnames
    ]
    with nothing_shared() if replacing or "monkeypatch" in fixtures.argnames else nullcontext():
        yield


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(scope="module")
def module_settings(database: DatabaseUrls) -> Settings:
    """The settings of one module's tests: reading them takes longer than many a test."""
    return Settings(
        _env_file=None,
        environment=Environment.TEST,
        app_database_url=database.app,
        relay_database_url=database.relay,
        given_secret=SECRET.decode(),
        rate_limit=False,
        allowed_origins=("https://book.example.com",),
    )


@pytest.fixture
def settings(module_settings: Settings, tmp_path: Path) -> Settings:
    """The settings of the app under test, without rate limits."""
    return module_settings.model_copy(update={"data": tmp_path})


@pytest_asyncio.fixture
async def relay(settings: Settings) -> AsyncIterator[Database]:
    """The database with the relay's role."""
    assert settings.relay_database_url is not None
    database = Database(settings.relay_database_url.sqlalchemy)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def app(settings: Settings, clock: StoppedClock) -> AsyncIterator[Starlette]:
    """The whole app, started, but for GraphiQL."""
    built = build_app(
        settings,
        clock=clock,
        services={RefusalDelay: RefusalDelay(seconds=0), Passwords: Passwords.cheap()},
        with_graphiql=False,
    )
    await forget_jobs(settings)
    async with AsyncExitStack() as running:
        with background():
            await running.enter_async_context(built.router.lifespan_context(built))
        yield built


@pytest.fixture
def runtime(app: Starlette) -> Runtime:
    """The runtime of the app, for factories."""
    found = app.state.runtime
    assert isinstance(found, Runtime)
    return found


@pytest_asyncio.fixture
async def runtime_alone(settings: Settings, clock: StoppedClock) -> AsyncIterator[Runtime]:
    """The runtime of an app that isn't started: no worker changes what is due meanwhile."""
    built = build_app(
        settings, clock=clock, services={Passwords: Passwords.cheap()}, with_graphiql=False
    )
    yield built.state.runtime
    await built.state.runtime.database.close()


@pytest_asyncio.fixture
async def api(app: Starlette) -> AsyncIterator[Api]:
    """A client that calls the app without a network."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Api(http)


@pytest.fixture
def at(app: Starlette) -> From:
    """A client at an address of its own."""

    def client(address: str) -> Api:
        transport = httpx2.ASGITransport(app, client=(address, 50_000))
        return Api(httpx2.AsyncClient(transport=transport, base_url="http://localhost"))

    return client


@pytest_asyncio.fixture
async def server(app: Starlette) -> AsyncIterator[str]:
    """The address of the app behind a real server, for WebSockets and races."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
        log_config=None,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Small, so that a client that reads nothing is noticed after a few answers.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        served = _Server(config)
        serving = asyncio.create_task(served.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        served.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
