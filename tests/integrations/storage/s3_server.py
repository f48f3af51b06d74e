"""As much of S3 as the storage uses: uploads in parts, reads of ranges, lists and deletions.

Signatures are taken as given; whether a request is signed at all is checked.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import md5
from itertools import count
from xml.sax.saxutils import escape, unescape

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BUCKET = "files"


class FakeS3:
    """One bucket in memory; ``is_away`` answers 503, and ``uploads`` are those not completed."""

    def __init__(self) -> None:
        self.port = 0
        self._numbers = count(1)
        self.empty()

    def empty(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.parts = 0
        self.is_away = False

    @asynccontextmanager
    async def served(self) -> AsyncIterator["FakeS3"]:
        methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
        app = Starlette(
            routes=[
                Route(f"/{BUCKET}", self._answer, methods=methods),
                Route(f"/{BUCKET}/{{key:path}}", self._answer, methods=methods),
            ]
        )
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            # Not `serve`, which takes the signals away from pytest.
            serving = asyncio.create_task(server._serve(sockets=[listener]))
            try:
                yield self
            finally:
                server.should_exit = True
                with suppress(asyncio.CancelledError):
                    await serving

    async def _answer(self, request: Request) -> Response:
        if self.is_away:
            return Response(status_code=503)
        if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
            return Response(status_code=403)
        key, query = request.path_params.get("key", ""), request.query_params
        match request.method:
            case "POST" if "uploads" in query:
                upload = str(next(self._numbers))
                self.uploads[upload] = {}
                return _xml(
                    f"<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket>"
                    f"<Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
                    "</InitiateMultipartUploadResult>"
                )
            case "PUT" if "uploadId" in query:
                part = await request.body()
                self.uploads[query["uploadId"]][int(query["partNumber"])] = part
                self.parts += 1
                return Response(headers={"ETag": _etag(part)})
            case "POST" if "uploadId" in query:
                parts = self.uploads.pop(query["uploadId"])
                self.objects[key] = b"".join(parts[number] for number in sorted(parts))
                return _xml(
                    "<CompleteMultipartUploadResult>"
                    f"<ETag>{escape(_etag(self.objects[key]))}</ETag>"
                    "</CompleteMultipartUploadResult>"
                )
            case "DELETE" if "uploadId" in query:
                del self.uploads[query["uploadId"]]
                return Response(status_code=204)
            case "POST" if "delete" in query:
                keys = re.findall(r"<Key>(.*?)</Key>", (await request.body()).decode())
                for each in keys:
                    self.objects.pop(unescape(each), None)
                deleted = "".join(f"<Deleted><Key>{each}</Key></Deleted>" for each in keys)
                return _xml(f"<DeleteResult>{deleted}</DeleteResult>")
            case "PUT":
                self.objects[key] = await request.body()
                return Response(headers={"ETag": _etag(self.objects[key])})
            case "GET" if "list-type" in query:
                return self._listed(query.get("prefix", ""))
        return self._read(key, request.headers.get("range"))

    def _listed(self, prefix: str) -> Response:
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size>"
            f"<LastModified>2027-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(_etag(content))}</ETag></Contents>"
            for key, content in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        return _xml(f"<ListBucketResult>{contents}</ListBucketResult>")

    def _read(self, key: str, wanted: str | None) -> Response:
        if key not in self.objects:
            return _xml("<Error><Code>NoSuchKey</Code></Error>", status=404)
        content = self.objects[key]
        headers = {"ETag": _etag(content), "Last-Modified": "Fri, 01 Jan 2027 00:00:00 GMT"}
        if wanted is None:
            return Response(content, headers=headers)
        first, last = (int(each) for each in wanted.removeprefix("bytes=").split("-"))
        part = content[first : last + 1]
        headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        return Response(part, 206, headers=headers)


def _etag(content: bytes) -> str:
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'


def _xml(text: str, *, status: int = 200) -> Response:
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?>{text}', status, media_type="application/xml"
    )
