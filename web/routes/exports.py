"""Serves the files of exports, from whichever storage, to the bearers of their links."""

from collections.abc import AsyncGenerator, Mapping
from typing import Final, cast

import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from integrations.storage.objects import ObjectMissing, Storage, StorageError
from kit.errors import Forbidden, Unavailable
from kit.runtime import Runtime
from resolvers.analytics.downloads import (
    DownloadableFile,
    LinkExpired,
    LinkUnknown,
    find_file,
    record_download,
)
from resolvers.analytics.exports import DOWNLOADS
from web.routes.byte_ranges import ByteRange, Unsatisfiable, matches, range_of
from web.server.callers import request_of

MAX_DOWNLOADS: Final = 50
"""The most downloads of a process at once; each takes about 1 MiB."""
RETRY_AFTER_SECONDS: Final = 5

log = structlog.get_logger(__name__)


class ExportDownloads:
    """Serves /exports/<token>: the whole file, or a range of it to resume a download."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._storage = cast("Storage", runtime.services[Storage])
        self._open = 0
        self.routes = [Route(f"{DOWNLOADS}/{{token}}", self._answer, methods=["GET"])]

    async def _answer(self, http: HttpRequest) -> Response:
        token = http.path_params["token"]
        try:
            file = await find_file(self._runtime, request_of(http), token)
            size = await self._storage.size(file.key)
        except (LinkUnknown, ObjectMissing):
            return _refused(404, "There is no such file.")
        except LinkExpired:
            return _refused(410, "The link has expired. Request a new export.")
        except Forbidden as error:
            return _refused(403, str(error))
        except (StorageError, Unavailable) as error:
            log.warning("download.unavailable", reason=type(error).__name__)
            return _refused(503, "The file is unavailable; try again in a moment.", retry=True)
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "Content-Type": file.media_type,
            "ETag": file.etag,
        }
        if matches(http.headers.get("if-none-match", ""), file.etag):
            return Response(status_code=304, headers=headers)
        try:
            part = _wanted(http.headers, file.etag, size)
        except Unsatisfiable:
            return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
        status = 200
        if part is not None:
            status = 206
            headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size}"
        part = part or ByteRange(0, size)
        headers["Content-Length"] = str(part.end - part.start)
        if http.method == "HEAD":
            return Response(status_code=status, headers=headers)
        if self._open >= MAX_DOWNLOADS:
            return _refused(503, "Too many downloads at once; try again in a moment.", retry=True)
        if part.start == 0:
            try:
                await record_download(self._runtime, request_of(http), file)
            except Unavailable as error:
                return _refused(503, str(error), retry=True)
        return StreamingResponse(self._content(file, part), status, headers=headers)

    async def _content(self, file: DownloadableFile, part: ByteRange) -> AsyncGenerator[bytes]:
        self._open += 1
        try:
            async for chunk in self._storage.read(file.key, part.start, part.end):
                yield chunk
        finally:
            self._open -= 1


def _wanted(headers: Mapping[str, str], etag: str, size: int) -> ByteRange | None:
    """Returns the range to send; None for the whole file. Raises Unsatisfiable."""
    known = headers.get("if-range")
    if known is not None and known.strip() != etag:
        # The client has a part of another file.
        return None
    return range_of(headers.get("range"), size=size)


def _refused(status: int, text: str, *, retry: bool = False) -> Response:
    headers = {"Cache-Control": "no-store"}
    if retry:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return JSONResponse({"message": text}, status, headers=headers)
