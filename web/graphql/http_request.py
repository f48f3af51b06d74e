"""Parses GraphQL over HTTP requests, and negotiates the media type of the response."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.types import Receive, Scope

from execution.messages import GraphQLRequest
from kit.actor import Request as Origin
from kit.ids import new_id
from kit.security.network_addresses import address_of
from web.server.callers import MAX_USER_AGENT
from web.server.request_body import MAX_BODY_BYTES, ClientDisconnected, TooLarge, read_body

_READ_HEADERS: Final = frozenset(
    {b"accept", b"authorization", b"content-length", b"content-type", b"cookie", b"user-agent"}
)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
# Clients send few different values, but an attacker may send any number.
_CACHED_VALUES: Final = 200


class Media(StrEnum):
    """The media type of a response: with a telling HTTP status, the older one, or a stream."""

    RESPONSE = "application/graphql-response+json"
    JSON = "application/json"
    EVENTS = "text/event-stream"


class BadRequest(Exception):
    """The request isn't a GraphQL request; ``status`` is the HTTP status to send."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@lru_cache(_CACHED_VALUES)
def _accepted(header: bytes) -> Media | None:
    """Returns the accepted media type with the highest ``q``; None if none is accepted."""
    best: tuple[float, Media] | None = None
    for part in (header.decode("latin-1") or "*/*").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        media = _MEDIA.get(kind)
        weight = _weight(parameters)
        if media and weight > 0 and _is_utf8(parameters) and (best is None or weight > best[0]):
            best = (weight, media)
    return best[1] if best else None


@lru_cache(_CACHED_VALUES)
def _is_json(header: bytes) -> bool:
    kind, *parameters = (piece.strip().lower() for piece in header.decode("latin-1").split(";"))
    return kind == Media.JSON and _is_utf8(parameters)


_MEDIA: Final = {
    "*/*": Media.JSON,
    "application/*": Media.JSON,
    "application/json": Media.JSON,
    "application/graphql-response+json": Media.RESPONSE,
    "text/event-stream": Media.EVENTS,
}


class GraphQLHttpRequest:
    """An HTTP request with the headers that GraphQL needs; its body is read by ``parse``."""

    __slots__ = ("_headers", "_receive", "_scope", "method")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self._scope = scope
        self._receive = receive
        self._headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            # Of several headers with one name, the first counts.
            if name in _READ_HEADERS and name not in self._headers:
                self._headers[name] = value

    @property
    def media(self) -> Media | None:
        """The media type of the response; None if the client accepts none of ours."""
        return _accepted(self._headers.get(b"accept", b"*/*"))

    @property
    def authorization(self) -> str | None:
        found = self._headers.get(b"authorization")
        return found.decode("latin-1") if found else None

    @property
    def is_to_loopback(self) -> bool:
        return Request(self._scope).url.hostname in _LOOPBACK

    def request_origin(self, cookie: str) -> Origin:
        """Returns where the request comes from, for the audit trail, with a new request id.

        ``cookie`` is the name of the cookie with the refresh token.
        """
        client = self._scope["client"]
        agent = self._headers.get(b"user-agent", b"")[:MAX_USER_AGENT].decode("latin-1")
        has_cookie = b"cookie" in self._headers
        return Origin(
            new_id(),
            ip_address=address_of(client[0]) if client else None,
            user_agent=agent or None,
            cookie=Request(self._scope).cookies.get(cookie) if has_cookie else None,
        )

    async def parse(self) -> GraphQLRequest:
        """Parses the query string or the JSON body. Raises BadRequest."""
        if self.method == "GET":
            return _parsed(_from_query(QueryParams(self._scope["query_string"])))
        if not _is_json(self._headers.get(b"content-type", b"")):
            raise BadRequest(415, "Send the operation as application/json, in UTF-8.")
        length = self._headers.get(b"content-length", b"")
        try:
            body = await read_body(self._receive, content_length=length)
        except TooLarge as error:
            problem = f"The body can have at most {MAX_BODY_BYTES // 1024} KiB."
            raise BadRequest(413, problem) from error
        except ClientDisconnected as error:
            raise BadRequest(400, "The request body is incomplete.") from error
        return _parsed(_json(body, "The body"))


def _from_query(parameters: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = dict(parameters)
    for name in ("variables", "extensions"):
        if given.get(name):
            given[name] = _json(given[name].encode(), f"'{name}'")
        else:
            given.pop(name, None)
    return given


def _json(text: bytes, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest(400, f"{what} is not JSON in UTF-8.") from error


def _parsed(given: Any) -> GraphQLRequest:
    if not isinstance(given, dict):
        raise BadRequest(400, "The body must be a JSON object; batches are not supported.")
    query = given.get("query")
    name = given.get("operationName")
    variables = given.get("variables")
    is_hash = not query and is_hash_alone(given)
    if is_hash:
        query = ""
    elif not isinstance(query, str) or not query or query.isspace():
        raise BadRequest(400, "'query' must be the text of an operation.")
    if name is not None and not isinstance(name, str):
        raise BadRequest(400, "'operationName' must be a string.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "'variables' must be an object.")
    extensions = given.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadRequest(400, "'extensions' must be an object.")
    return GraphQLRequest(query, name or None, variables or {}, is_hash)


def is_hash_alone(given: Mapping[str, Any]) -> bool:
    """Returns whether a request has only the hash of a text: an automatic persisted query."""
    extensions = given.get("extensions")
    if not isinstance(extensions, dict) or given.get("query") not in (None, ""):
        return False
    return isinstance(extensions.get("persistedQuery"), dict)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0
    return 1


def _is_utf8(parameters: list[str]) -> bool:
    given = (text.removeprefix("charset=") for text in parameters if text.startswith("charset="))
    return all(charset.strip('"') in ("utf-8", "utf8") for charset in given)
