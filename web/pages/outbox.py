"""The outbox at /dev/outbox: what wasn't sent by mail, SMS and push; absent in production."""

import html
from collections.abc import Mapping
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from string import Template
from typing import Any, Final

import orjson
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from integrations.outbox import Outbox, OutboxEntry, OutboxKind

PATH: Final = "/dev/outbox"

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
}
# What a mail program shows: no scripts, forms or frames, and nothing of this origin.
_HEADERS_OF_MAIL: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src https: data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
_SHOWN_HEADERS: Final = ("From", "To", "Reply-To", "Subject", "Date")
_NAMES: Final = {OutboxKind.MAIL: "Mail", OutboxKind.SMS: "SMS", OutboxKind.PUSH: "Push"}


class OutboxPages:
    """Serves the list of stored messages, and each of them: rendered, as text, and as stored."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.routes = [
            Route(PATH, self._list, methods=["GET"]),
            Route(f"{PATH}/{{id}}", self._show, methods=["GET"]),
            Route(f"{PATH}/{{id}}/html", self._render, methods=["GET"]),
            Route(f"{PATH}/{{id}}/raw", self._raw, methods=["GET"]),
        ]

    async def _list(self, _: HttpRequest) -> Response:
        rows = [
            _row(entry, content)
            for entry in await self._outbox.entries()
            if (content := await self._outbox.read(entry.id)) is not None
        ]
        body = _LIST.substitute(rows="".join(rows)) if rows else _EMPTY
        return _page("Outbox", body)

    async def _show(self, http: HttpRequest) -> Response:
        id = http.path_params["id"]
        content = await self._outbox.read(id)
        if content is None:
            return _page("Outbox", _UNKNOWN, status=404)
        kind = OutboxKind(id.rpartition(".")[2])
        body = _mail(id, _parsed(content)) if kind is OutboxKind.MAIL else _message(content)
        raw = f'<p><a href="{PATH}/{html.escape(id)}/raw">As it is stored</a></p>\n'
        return _page(_NAMES[kind], _BACK + body + raw)

    async def _render(self, http: HttpRequest) -> Response:
        content = await self._outbox.read(http.path_params["id"])
        part = _parsed(content).get_body(("html",)) if content is not None else None
        if part is None:
            return _page("Outbox", _UNKNOWN, status=404)
        return HTMLResponse(part.get_content(), headers=_HEADERS_OF_MAIL)

    async def _raw(self, http: HttpRequest) -> Response:
        content = await self._outbox.read(http.path_params["id"])
        if content is None:
            return _page("Outbox", _UNKNOWN, status=404)
        return Response(content, headers=_HEADERS, media_type="text/plain; charset=utf-8")


def _parsed(content: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(content)


def _fields(content: bytes) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = orjson.loads(content)
    return fields


def _row(entry: OutboxEntry, content: bytes) -> str:
    if entry.kind is OutboxKind.MAIL:
        mail = _parsed(content)
        to, text = mail["To"], mail["Subject"]
    else:
        fields = _fields(content)
        to = fields.get("to") or fields.get("endpoint")
        text = fields.get("text") or fields.get("payload")
    return _ROW.substitute(
        path=f"{PATH}/{html.escape(entry.id)}",
        at=f"{entry.stored_at:%Y-%m-%d %H:%M:%S} UTC",
        kind=_NAMES[entry.kind],
        to=html.escape(str(to)),
        text=html.escape(str(text)),
    )


def _mail(id: str, mail: EmailMessage) -> str:
    """Returns the headers and parts of a mail."""
    shown = [(name, str(mail[name])) for name in _SHOWN_HEADERS if mail[name]]
    body = _definitions(dict(shown))
    if mail.get_body(("html",)) is not None:
        body += _FRAME.substitute(path=f"{PATH}/{html.escape(id)}/html")
    if (text := mail.get_body(("plain",))) is not None:
        body += _section("Text", text.get_content())
    for part in mail.walk():
        if part.get_content_type() == "text/calendar":
            heading = f"Calendar entry ({part.get_param('method')})"
            body += _section(heading, part.get_content())
    return body


def _message(content: bytes) -> str:
    return _definitions({name: str(value) for name, value in _fields(content).items()})


def _definitions(fields: Mapping[str, str]) -> str:
    rows = (
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>\n"
        for name, value in fields.items()
    )
    return f"<dl>\n{''.join(rows)}</dl>\n"


def _section(heading: str, text: str) -> str:
    return f"<h2>{html.escape(heading)}</h2>\n<pre>{html.escape(text)}</pre>\n"


def _page(heading: str, body: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.substitute(heading=heading, body=body), status, headers=_HEADERS)


_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$heading · Boom Booking</title>
<style>
  :root { color-scheme: light dark; --line: #8886; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
    font: 1rem/1.5 system-ui, sans-serif; }
  table { width: 100%; border-collapse: collapse; }
  th, td { text-align: left; vertical-align: top; padding: .5rem; border-top: 1px solid var(--line);
    overflow-wrap: anywhere; }
  td:first-child { white-space: nowrap; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
  dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
  pre { padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; white-space: pre-wrap;
    overflow-wrap: anywhere; }
  iframe { width: 100%; height: 40rem; border: 1px solid var(--line); border-radius: .5rem; }
</style>
</head>
<body>
<main>
<h1>$heading</h1>
$body
</main>
</body>
</html>
""")
_LIST: Final = Template("""<p>Nothing of this was sent. The latest 200 messages are kept.</p>
<table>
<thead><tr><th>Stored</th><th>Kind</th><th>To</th><th>What</th></tr></thead>
<tbody>
$rows</tbody>
</table>
""")
_ROW: Final = Template(
    '<tr><td><a href="$path">$at</a></td><td>$kind</td><td>$to</td><td>$text</td></tr>\n'
)
_FRAME: Final = Template(
    '<h2>As shown</h2>\n<iframe sandbox src="$path" title="The mail"></iframe>\n'
)
_BACK: Final = f'<p><a href="{PATH}">All messages</a></p>\n'
_EMPTY: Final = "<p>There are no messages yet.</p>\n"
_UNKNOWN: Final = f'<p>There is no such message. <a href="{PATH}">All messages</a></p>\n'
