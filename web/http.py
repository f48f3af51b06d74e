"""GraphQL over HTTP: what a request asks for, and which kind of answer it takes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import orjson
from starlette.requests import Request

from web.operations import Asked

MAX_BODY_BYTES: Final = 256 * 1024


class Media(StrEnum):
    """How an answer is sent: with HTTP statuses that tell how it went, or the older way."""

    RESPONSE = "application/graphql-response+json"
    JSON = "application/json"


class Malformed(Exception):
    """A request that isn't one of GraphQL's, with the status that HTTP has for it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def accepted(header: str | None) -> Media | None:
    """The media type of the answer; None where the client takes neither. The better ``q`` wins."""
    best: tuple[float, Media] | None = None
    for part in (header or "*/*").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        media = _MEDIA.get(kind)
        weight = _weight(parameters)
        if media and weight > 0 and _is_utf8(parameters) and (best is None or weight > best[0]):
            best = (weight, media)
    return best[1] if best else None


_MEDIA: Final = {
    "*/*": Media.JSON,
    "application/*": Media.JSON,
    "application/json": Media.JSON,
    "application/graphql-response+json": Media.RESPONSE,
}


async def asked_by(request: Request) -> Asked:
    """What the query string or the JSON body asks for. Raises Malformed."""
    if request.method == "GET":
        return _asked(_from_query(request.query_params))
    kind, *parameters = (piece.strip().lower() for piece in _content_type(request).split(";"))
    if kind != Media.JSON or not _is_utf8(parameters):
        raise Malformed(415, "Send the operation as application/json, in UTF-8.")
    return _asked(_json(await body_of(request), "The body"))


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "")


async def body_of(request: Request) -> bytes:
    """All of the body. Raises Malformed as soon as there is too much of it."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> Malformed:
    return Malformed(413, f"The body may have at most {MAX_BODY_BYTES // 1024} KiB.")


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
        raise Malformed(400, f"{what} is not JSON in UTF-8.") from error


def _asked(given: Any) -> Asked:
    if not isinstance(given, dict):
        raise Malformed(400, "The body must be a JSON object; batches are not supported.")
    query = given.get("query")
    name = given.get("operationName")
    variables = given.get("variables")
    if not isinstance(query, str) or not query.strip():
        raise Malformed(400, "'query' must be the text of an operation.")
    if not isinstance(name, str | None):
        raise Malformed(400, "'operationName' must be a string.")
    if not isinstance(variables, dict | None):
        raise Malformed(400, "'variables' must be an object.")
    if not isinstance(given.get("extensions"), dict | None):
        raise Malformed(400, "'extensions' must be an object.")
    return Asked(query, name or None, variables or {})


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
