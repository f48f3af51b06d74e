"""A headless Chromium for tests, spoken to over its DevTools protocol."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1400,900",
    "--remote-debugging-port=0",
)
SECONDS_TO_WAIT = 30


class Page:
    """One page: its requests, its errors, and methods to use it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._connection = connection
        self._session: str | None = None
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tasks = {asyncio.create_task(self._listen())}

    async def show(self, url: str) -> None:
        """Goes to ``url``, listening from the first request on, also to the page's workers."""
        target = await self._call("Target.createTarget", url="about:blank")
        attached = await self._call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self._call(f"{domain}.enable")
        await self._call(
            "Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True
        )
        await self._call("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """Returns the value of a JavaScript expression in the page."""
        answer = await self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return answer["result"].get("value")

    async def text(self, selector: str) -> str:
        """Returns an element's text, with non-breaking spaces as plain ones."""
        found = f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"
        return str(await self.evaluate(found)).replace("\xa0", " ")

    async def shows(self, selector: str, text: str) -> None:
        """Waits until an element has ``text``; fails with its text otherwise."""
        wait = f"""new Promise((done) => {{
            const deadline = Date.now() + {SECONDS_TO_WAIT} * 1000;
            const look = () => {{
                const said = document.querySelector({json.dumps(selector)})?.innerText ?? "";
                const found = said.replaceAll("\u00a0", " ").includes({json.dumps(text)});
                found || Date.now() > deadline ? done(found) : setTimeout(look, 50);
            }};
            look();
        }})"""
        assert await self.evaluate(wait), (await self.text(selector), self.complaints)

    async def click(self, selector: str) -> None:
        """Clicks the first element that the selector finds."""
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def close(self) -> None:
        """Stops listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        async for text in self._connection:
            message = json.loads(text)
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            else:
                self._note(message["method"], message["params"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(params["url"])
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case "Target.attachedToTarget":
                self._tasks.add(asyncio.create_task(self._let_run(params["sessionId"])))

    async def _let_run(self, session: str) -> None:
        for call in ("Network.enable", "Log.enable", "Runtime.runIfWaitingForDebugger"):
            await self._call(call, session=session)

    async def _call(
        self, method: str, *, session: str | None = None, **params: Any
    ) -> dict[str, Any]:
        number = next(self._ids)
        call = {"id": number, "method": method, "params": params}
        if session := session or self._session:
            call["sessionId"] = session
        self._answers[number] = asyncio.get_running_loop().create_future()
        answer = self._answers[number]
        await self._connection.send(json.dumps(call))
        result: dict[str, Any] = (await answer).get("result", {})
        return result


@asynccontextmanager
async def browse(url: str, *, profile: Path) -> AsyncIterator[Page]:
    """Opens ``url`` in a browser of its own; skips the test if Chromium isn't installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    process = await asyncio.create_subprocess_exec(
        chromium,
        *FLAGS,
        f"--user-data-dir={profile}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with connect(
            await asyncio.to_thread(_devtools, profile), max_size=None
        ) as connection:
            page = Page(connection)
            try:
                await page.show(url)
                yield page
            finally:
                await page.close()
    finally:
        process.kill()
        await process.wait()


def _devtools(profile: Path) -> str:
    announced = profile / "DevToolsActivePort"
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while not announced.exists() or len(announced.read_text().splitlines()) < 2:
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.05)
    port, path = announced.read_text().splitlines()
    return f"ws://127.0.0.1:{port}{path}"
