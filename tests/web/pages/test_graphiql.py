"""GraphiQL from local files: its build, the page until then, and the page in a real browser."""

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import structlog
import uvicorn
from graphql import build_schema, graphql_sync, parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.support.browser import browse
from tests.support.cache import installed
from web.pages import graphiql_build
from web.pages.graphiql import GraphiQL, page_policy
from web.pages.graphiql_build import SOURCES, Bundle, is_new_enough

ROOT = Path(__file__).parents[3]
LOG = structlog.get_logger()

SDL = """
    type Query { viewer: String }
    type Mutation { login(input: LoginInput!): LoginPayload }
    input LoginInput { subdomain: String! email: String! password: String! }
    type LoginPayload { session: Session userErrors: [UserError!]! }
    type Session { accessToken: String! accessTokenExpiresAt: String user: User }
    type User { name: String role: String tenant: Tenant }
    type Tenant { name: String timeZone: String }
    type UserError { code: String message: String }
    type Subscription { bookingChanged(after: String): BookingChanged }
    type BookingChanged { type: String }
"""
SESSION = {"accessToken": "token-of-the-login", "user": {"name": "Owner"}}
ANSWERS = {"login": {"session": SESSION, "userErrors": []}}
EVENT = {"data": {"bookingChanged": {"type": "BOOKING_CREATED"}}}

EDITOR = ".graphiql-query-editor .view-lines"
RESPONSE = ".graphiql-response .view-lines"
RUN = "button.graphiql-execute-button"
LAST_TAB = ".graphiql-tab:last-of-type button"
EXPLORE = "button[aria-label='Show GraphiQL Explorer']"
EXPLORER = ".graphiql-explorer-root"


@dataclass
class Venue:
    """A stand-in for the API that remembers the credentials it was given."""

    headers: list[str | None] = field(default_factory=list)
    connection_init: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, request: Request) -> JSONResponse:
        body = await request.json()
        if body["operationName"] != "IntrospectionQuery":
            self.headers.append(request.headers.get("authorization"))
        result = graphql_sync(
            build_schema(SDL),
            body["query"],
            root_value=ANSWERS,
            variable_values=body.get("variables"),
            operation_name=body["operationName"],
        )
        return JSONResponse(result.formatted)

    async def stream(self, websocket: WebSocket) -> None:
        await websocket.accept(subprotocol="graphql-transport-ws")
        self.connection_init.append(await websocket.receive_json())
        await websocket.send_json({"type": "connection_ack"})
        subscribe = await websocket.receive_json()
        await websocket.send_json({"type": "next", "id": subscribe["id"], "payload": EVENT})
        await websocket.receive()


@pytest.fixture(scope="session")
def built() -> Path:
    """A data folder with the real bundle in it: built once for each state of what makes it."""
    makes_it = [Path(graphiql_build.__file__), *graphiql_build._files(SOURCES)]

    def build(folder: Path) -> None:
        bundle = Bundle(folder, log=LOG)
        asyncio.run(bundle.build())
        assert bundle.is_built, bundle.progress.reason

    return installed("graphiql", makes_it, build)


@pytest.fixture
def fake_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that stand first on PATH, with a Node.js that bundles at once."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    put_program(tools / "node", "mkdir dist && echo '<p>built</p>' > dist/index.html")
    put_program(tools / "npm", "echo built >> ../builds.txt")
    return tools


def put_program(path: Path, script: str) -> None:
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo v24.0.0 && exit\n{script}\n')
    path.chmod(0o755)


@asynccontextmanager
async def visitor(graphiql: GraphiQL) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=Starlette(routes=graphiql.routes))
    async with httpx2.AsyncClient(transport=transport, base_url="http://venue.test") as client:
        yield client


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, ws="websockets-sansio", log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


async def test_until_it_is_built_the_page_says_so_and_comes_back(tmp_path: Path) -> None:
    graphiql = GraphiQL(tmp_path, log=LOG)

    async with visitor(graphiql) as client:
        answer = await client.get("/graphiql")

    assert answer.status_code == 503
    assert "GraphiQL is being built" in answer.text
    assert '<meta http-equiv="refresh" content="2">' in answer.text


async def test_the_page_names_the_step_that_is_under_way(tmp_path: Path, fake_tools: Path) -> None:
    put_program(fake_tools / "npm", "echo $$ > ../npm.pid; exec sleep 600")
    graphiql = GraphiQL(tmp_path, log=LOG)
    await graphiql.start()
    await appears(tmp_path / "graphiql" / "npm.pid")

    async with visitor(graphiql) as client:
        answer = await client.get("/graphiql")
    await graphiql.stop()

    assert '<li class="done">Waiting for its turn</li>' in answer.text
    assert '<li class="current">Installing packages (npm)</li>' in answer.text
    assert '<li class="ahead">Bundling (Vite)</li>' in answer.text


async def test_stopping_ends_the_programs_of_a_build(tmp_path: Path, fake_tools: Path) -> None:
    put_program(fake_tools / "npm", "echo $$ > ../npm.pid; exec sleep 600")
    graphiql = GraphiQL(tmp_path, log=LOG)
    await graphiql.start()
    pid = int(await appears(tmp_path / "graphiql" / "npm.pid"))

    await graphiql.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_failed_build_shows_why_and_how_to_retry(tmp_path: Path, fake_tools: Path) -> None:
    put_program(fake_tools / "npm", "echo 'npm error <network> is out of reach'; exit 1")
    graphiql = GraphiQL(tmp_path, log=LOG)
    bundle = Bundle(tmp_path, log=LOG)

    await bundle.build()

    async with visitor(graphiql) as client:
        answer = await client.get("/graphiql")
    assert answer.status_code == 503
    assert "GraphiQL could not be built" in answer.text
    assert "npm error &lt;network&gt; is out of reach" in answer.text
    assert "restart the server" in answer.text


async def test_a_restart_tries_a_failed_build_again(tmp_path: Path, fake_tools: Path) -> None:
    put_program(fake_tools / "npm", "exit 1")
    await Bundle(tmp_path, log=LOG).build()
    put_program(fake_tools / "npm", "exit 0")
    restarted = Bundle(tmp_path, log=LOG)

    await restarted.build()

    assert restarted.is_built


async def test_of_several_processes_one_builds(tmp_path: Path, fake_tools: Path) -> None:
    first, second, third = (Bundle(tmp_path, log=LOG) for _ in range(3))

    await asyncio.gather(first.build(), second.build(), third.build())

    assert (tmp_path / "graphiql" / "builds.txt").read_text() == "built\n"
    assert first.is_built and second.is_built and third.is_built


async def test_processes_that_waited_take_over_the_failure(
    tmp_path: Path, fake_tools: Path
) -> None:
    put_program(fake_tools / "npm", "echo tried >> ../builds.txt; echo out of reach; exit 1")
    first, second = Bundle(tmp_path, log=LOG), Bundle(tmp_path, log=LOG)

    await asyncio.gather(first.build(), second.build())

    assert (tmp_path / "graphiql" / "builds.txt").read_text() == "tried\n"
    assert first.progress.reason == "out of reach"
    assert second.progress.reason == "out of reach"


async def test_the_build_is_not_given_the_servers_secrets(
    tmp_path: Path, fake_tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOM_SECRET", "not for npm")
    put_program(fake_tools / "npm", "env > ../environment.txt")

    await Bundle(tmp_path, log=LOG).build()

    assert "not for npm" not in (tmp_path / "graphiql" / "environment.txt").read_text()


async def test_what_an_ended_build_left_behind_is_removed(tmp_path: Path, fake_tools: Path) -> None:
    leftover = tmp_path / "graphiql" / "work-of-an-ended-build"
    leftover.mkdir(parents=True)

    await Bundle(tmp_path, log=LOG).build()

    assert not leftover.exists()


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0-nightly20270101", True),
        ("No version is set", False),
    ],
)
def test_node_is_taken_only_where_vite_runs_on_it(version: str, answer: bool) -> None:
    assert is_new_enough(version) is answer


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text())

    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []


def test_the_policy_ignores_a_host_that_is_none() -> None:
    assert "connect-src 'self';" in page_policy("venue.test; script-src *")


@pytest.mark.parametrize(
    "path", sorted(SOURCES.glob("src/examples/*.graphql")), ids=lambda p: p.stem
)
def test_an_example_is_an_operation_of_the_schema(path: Path) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())

    assert validate(schema, parse(path.read_text())) == []


async def test_a_second_start_uses_the_files_of_the_first(built: Path) -> None:
    graphiql = GraphiQL(built, log=LOG)

    async with visitor(graphiql) as client:
        page = await client.get("/graphiql")
        script = page.text.partition('src="')[2].partition('"')[0]
        answer = await client.get(script)

    assert page.status_code == 200
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_login_in_the_page_authorizes_its_subscription(built: Path, tmp_path: Path) -> None:
    venue = Venue()
    app = Starlette(
        routes=[
            *GraphiQL(built, log=LOG).routes,
            Route("/graphql", venue.answer, methods=["POST"]),
            WebSocketRoute("/graphql", venue.stream),
        ]
    )

    with serving(app) as address:
        async with browse(f"{address}/graphiql", profile=tmp_path / "profile") as page:
            await page.shows(EDITOR, "mutation LogIn")
            await page.click(RUN)
            await page.shows(RESPONSE, "token-of-the-login")
            await page.click(EXPLORE)
            await page.click(LAST_TAB)
            await page.shows(EXPLORER, "bookingChanged")
            await page.click(RUN)
            await page.shows(RESPONSE, "BOOKING_CREATED")

    hosts = {urlsplit(url).hostname for url in page.requests if not url.startswith("data:")}
    assert hosts == {"127.0.0.1"}
    assert page.complaints == []
    assert venue.headers == [None]
    assert venue.connection_init == [
        {"type": "connection_init", "payload": {"authorization": "Bearer token-of-the-login"}}
    ]


async def appears(path: Path) -> str:
    """Waits for a file with something in it."""
    return await asyncio.to_thread(_wait_for, path)


def _wait_for(path: Path) -> str:
    deadline = time.monotonic() + 30
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
    return path.read_text()
