#!/usr/bin/env bash
# openai 3.57.0 (Python)
#
# A streamed response ends with response.completed, response.incomplete or response.failed. One
# would guess that the iteration raises if the stream ends before one of them, or if the answer is
# no stream at all. It ends as after a whole answer: half a sentence is a sentence, and the page of
# a proxy that asks to log in (200, text/html) is an answer without a word.
#
# It matters to whoever acts on what was read, or charges for it: count only an answer whose end has
# been seen, and compare the content type.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openai==3.57.0

"$folder/venv/bin/python" - <<'PYTHON'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from openai import OpenAI

HALF = b'data: {"type": "response.output_text.delta", "delta": "The room is not"}\n\n'
ANSWERS = iter([("text/event-stream", HALF), ("text/html", b"<p>Please log in.</p>")])


class Streams(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        kind, body = next(ANSWERS)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


server = HTTPServer(("127.0.0.1", 0), Streams)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = OpenAI(api_key="sk-x", base_url=f"http://127.0.0.1:{server.server_port}/v1")


def read() -> list[str]:
    stream = client.responses.create(model="m", input="Is it free?", stream=True)
    return [event.delta for event in stream]


half, page = read(), read()
print(f"Half an answer: {half}; a page to log in: {page}. No error.")
assert (half, page) == (["The room is not"], [])
PYTHON
