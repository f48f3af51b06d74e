"""Takes the files of imports from the bearers of their links."""

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final, cast

import structlog
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.imports.imports import MAX_BYTES
from execution.caller_rate_limit import RateLimiter
from integrations.storage.objects import Storage, StorageError
from kit.actor import ANONYMOUS
from kit.errors import Unavailable
from kit.runtime import Runtime
from resolvers.imports.imports import UPLOADS
from resolvers.imports.uploads import (
    AlreadyUploaded,
    UploadExpired,
    UploadUnknown,
    find_upload,
    finish_upload,
)
from web.server.callers import request_of

MAX_UPLOADS: Final = 10
"""The most uploads of a process at once; each takes about 10 MB."""
RETRY_AFTER_SECONDS: Final = 5
POINTS: Final = 10
"""What a request costs an address, like the queries of anonymous callers."""

log = structlog.get_logger(__name__)


class _TooLarge(Exception):
    """The body is larger than a file may be."""


class ImportUploads:
    """Serves PUT /imports/<token>: stores the body as the file of an import, and starts it."""

    def __init__(self, runtime: Runtime, rate_limiter: RateLimiter) -> None:
        self._runtime = runtime
        self._rate_limiter = rate_limiter
        self._storage = cast("Storage", runtime.services[Storage])
        self._open = 0
        self.routes = [Route(f"{UPLOADS}/{{token}}", self._answer, methods=["PUT"])]

    async def _answer(self, http: HttpRequest) -> Response:
        request = request_of(http)
        charge = self._rate_limiter.charge(
            ANONYMOUS, request.ip_address, POINTS, now=self._runtime.clock()
        )
        if not charge.allowed:
            return _refused(429, "Too many requests.", retry_after=charge.retry_after_seconds)
        if self._open >= MAX_UPLOADS:
            text = "Too many uploads at once; try again in a moment."
            return _refused(503, text, retry_after=RETRY_AFTER_SECONDS)
        self._open += 1
        try:
            return await self._store(http)
        except _TooLarge:
            return _refused(413, f"A file can have at most {MAX_BYTES // 1024**2} MB; split it.")
        except ClientDisconnect:
            return _refused(400, "The file is incomplete.")
        except UploadUnknown:
            return _refused(404, "There is no such import.")
        except UploadExpired:
            return _refused(410, "The link has expired. Prepare a new import.")
        except AlreadyUploaded:
            return _refused(409, "The import has its file already. Prepare a new import.")
        except (StorageError, Unavailable) as error:
            log.warning("upload.unavailable", reason=type(error).__name__)
            text = "The file could not be stored; try again in a moment."
            return _refused(503, text, retry_after=RETRY_AFTER_SECONDS)
        finally:
            self._open -= 1

    async def _store(self, http: HttpRequest) -> Response:
        length = http.headers.get("content-length", "")
        if length.isdigit() and int(length) > MAX_BYTES:
            raise _TooLarge
        request = request_of(http)
        upload = await find_upload(self._runtime, request, http.path_params["token"])
        size = await self._storage.put(upload.key, _limited(http))
        try:
            await finish_upload(self._runtime, request, upload, size)
        except AlreadyUploaded:
            # Another upload was quicker; the import's folder is deleted once it has ended, too.
            with suppress(StorageError):
                await self._storage.delete_below(upload.key)
            raise
        log.info("import.uploaded", id=str(upload.import_id), bytes=size)
        return Response(status_code=204, headers={"Cache-Control": "no-store"})


async def _limited(http: HttpRequest) -> AsyncGenerator[bytes]:
    """Yields the body. Raises _TooLarge at the first byte over the limit."""
    size = 0
    async for part in http.stream():
        size += len(part)
        if size > MAX_BYTES:
            raise _TooLarge
        if part:
            yield part


def _refused(status: int, text: str, *, retry_after: int | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return JSONResponse({"message": text}, status, headers=headers)
