"""Serves GraphiQL at /graphiql from local files, and a progress page while they are built."""

import asyncio
import html
import re
import time
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import assert_never

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web.pages.graphiql_build import Bundle, Log, Progress, Step
from web.server.middleware import SECURITY_HEADERS

HOST_AND_PORT = re.compile(r"[A-Za-z0-9.:\[\]-]+")

STEPS = {
    Step.WAITING: "Waiting for its turn",
    Step.INSTALLING: "Installing packages (npm)",
    Step.BUNDLING: "Bundling (Vite)",
}


class GraphiQL:
    """Serves the page's routes, and runs the build within the app's lifespan.

    Unless it ``builds``, the page exists only if the files were built before.
    """

    def __init__(self, data: Path, *, builds: bool = True, log: Log) -> None:
        self._bundle = Bundle(data, log=log)
        self._builds = builds
        self._building: asyncio.Task[None] | None = None
        assets = _Assets(directory=self._bundle.folder / "assets", check_dir=False)
        self.routes: list[Route | Mount] = [
            Route("/graphiql", self._page, methods=["GET"], include_in_schema=False),
            Mount("/graphiql/assets", assets),
        ]

    async def start(self) -> None:
        """Starts the build in the background if the files are missing."""
        if not self._builds:
            return
        self._building = asyncio.create_task(self._bundle.build(), name="graphiql build")

    async def stop(self) -> None:
        """Stops a running build and the programs it started."""
        if self._building is None:
            return
        self._building.cancel()
        with suppress(asyncio.CancelledError):
            await self._building

    async def _page(self, request: Request) -> Response:
        if self._bundle.is_built:
            headers = SECURITY_HEADERS | {
                "Cache-Control": "no-cache",
                "Content-Security-Policy": page_policy(request.headers.get("host", "")),
            }
            return FileResponse(self._bundle.folder / "index.html", headers=headers)
        if not self._builds:
            return Response(status_code=404)
        headers = SECURITY_HEADERS | {
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "Retry-After": "2",
        }
        body = _progress_page(self._bundle.progress, now=time.time())
        return HTMLResponse(body, status_code=503, headers=headers)


class _Assets(StaticFiles):
    """Serves files that are named after their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(SECURITY_HEADERS)
        # A worker has the policy sent with its script, not the page's.
        response.headers["Content-Security-Policy"] = page_policy("")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def page_policy(host: str) -> str:
    """Returns a Content-Security-Policy that lets GraphiQL work and reach no other host."""
    # Not every browser lets 'self' include WebSockets of the same host.
    sockets = f" ws://{host} wss://{host}" if HOST_AND_PORT.fullmatch(host) else ""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self'",
            f"connect-src 'self'{sockets}",
            # The editor positions its lines with inline styles.
            "style-src 'self' 'unsafe-inline'",
            "font-src 'self' data:",
            "img-src 'self' data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _progress_page(progress: Progress, *, now: float) -> str:
    match progress.step:
        case Step.WAITING | Step.INSTALLING | Step.BUNDLING:
            return _building_page(progress, now=now)
        case Step.FAILED:
            return _PAGE.substitute(
                refresh=10,
                title="GraphiQL could not be built",
                body=_FAILED.substitute(reason=html.escape(progress.reason)),
            )
        case _:
            assert_never(progress.step)


def _building_page(progress: Progress, *, now: float) -> str:
    steps = list(STEPS)
    current = steps.index(progress.step)
    lines = [
        f'<li class="{_state(place, current)}">{label}</li>'
        for place, label in enumerate(STEPS.values())
    ]
    return _PAGE.substitute(
        refresh=2,
        title="GraphiQL is being built",
        body=_BUILDING.substitute(
            steps="\n".join(lines),
            done=current,
            count=len(steps),
            step_seconds=max(0, round(now - progress.step_began)),
            seconds=max(0, round(now - progress.build_began)),
        ),
    )


def _state(place: int, current: int) -> str:
    if place == current:
        return "current"
    return "done" if place < current else "ahead"


_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="$refresh">
<title>$title · Boom Booking</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem; }
progress { width: 100%; height: 0.75rem; }
.done::marker { content: "✓ "; }
.current { font-weight: bold; }
.ahead { opacity: 0.6; }
pre { padding: 1rem; border: 1px solid; border-radius: 4px; font-size: 13px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>$title</h1>
$body
</body>
</html>
""")

_BUILDING = Template("""\
<p>This is done once, usually in less than a minute. The page then opens by itself.
The API at <code>/graphql</code> answers already.</p>
<progress max="$count" value="$done" aria-label="$done of $count steps are done"></progress>
<ol>
$steps
</ol>
<p>This step: $step_seconds s. Altogether: $seconds s.</p>""")

_FAILED = Template("""\
<p>The API at <code>/graphql</code> is not affected. What was reported last:</p>
<pre>$reason</pre>
<p><strong>To try again</strong>, remove the cause and restart the server.
The build needs Node.js and a way to the npm registry. It is done once, and kept in the
server's data folder.</p>""")
