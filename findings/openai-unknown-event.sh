#!/usr/bin/env bash
# openai 3.57.0 (Python)
#
# A streamed response is a sequence of events, and later versions of the API add types of them. One
# would guess that one of an unknown type comes as a plain event, or is left out. It is an instance
# of ResponseAudioDeltaEvent, the first class of the union, with a `delta` that is None. An event
# that isn't an object comes as it is: as a number, a list or None.
#
# It matters to a client that decides by isinstance() or by attributes, as a server that the base
# URL names may send events of its own: compare `type`, and trust no annotation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openai==3.57.0

"$folder/venv/bin/python" - <<'PYTHON'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from openai import OpenAI
from openai.types.responses import ResponseAudioDeltaEvent


class Streams(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b'data: {"type": "response.of_next_year", "text": "hello"}\n\n')

    def log_message(self, *_: object) -> None: ...


server = HTTPServer(("127.0.0.1", 0), Streams)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = OpenAI(api_key="sk-x", base_url=f"http://127.0.0.1:{server.server_port}/v1")

(event,) = client.responses.create(model="m", input="Hello", stream=True)
print(f"type {event.type!r} is a {type(event).__name__}, delta {event.delta!r}.")
assert isinstance(event, ResponseAudioDeltaEvent) and event.delta is None
PYTHON
