#!/usr/bin/env bash
# stripe 16.1.0 (Python)
#
# The library retries a failed request twice by default (stripe.max_network_retries is 2), under one
# idempotency key. One would guess that StripeClient, the newer way to call it, does the same. It
# makes no retry unless max_network_retries is given to it; the module's setting isn't asked.
#
# It matters at the move to StripeClient: nothing in a call changes, all tests pass, and each short
# failure of the network or a 500 then reaches the guest who pays.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet stripe==16.1.0

"$folder/venv/bin/python" - <<'PYTHON'
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

keys: list[str] = []


class FailsOnce(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        keys.append(self.headers["Idempotency-Key"])
        self.send_response(500 if len(keys) == 1 else 200)
        body = b'{"error": {}}' if len(keys) == 1 else b'{"id": "cus_1", "object": "customer"}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def tries(create: Callable[[], object]) -> tuple[int, int]:
    keys.clear()
    try:
        create()
    except stripe.APIError:
        print("APIError", end=" ")
    return len(keys), len(set(keys))


server = HTTPServer(("127.0.0.1", 0), FailsOnce)
threading.Thread(target=server.serve_forever, daemon=True).start()
stripe.api_key = "sk_test_x"
stripe.api_base = f"http://127.0.0.1:{server.server_port}"
client = stripe.StripeClient("sk_test_x", base_addresses={"api": stripe.api_base})

by_module = tries(lambda: stripe.Customer.create())
by_client = tries(lambda: client.v1.customers.create())
print(f"after {by_client[0]} try by StripeClient; {by_module[0]} tries, one key, by the module.")
assert (by_module, by_client) == ((2, 1), (1, 1))
PYTHON
