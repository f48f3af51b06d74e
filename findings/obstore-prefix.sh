#!/usr/bin/env bash
# obstore 0.12.1
#
# Reports are stored as exports/2026-11-03.csv and so on, and one asks for those of November by the
# prefix "exports/2026-11". In S3 a prefix is the beginning of a name, so one would guess that all of
# them are listed. obstore compares whole folder names: nothing is listed, without an error, and only
# a prefix that is a whole folder finds anything. It does so with every kind of store.
#
# It matters for cleaning up and for quotas: a job that removes a month's files by such a prefix
# reports success and removes none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet obstore==0.12.1

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import obstore
from obstore.store import LocalStore, MemoryStore


def listed(store, prefix):
    return sorted(file["path"] for page in obstore.list(store, prefix=prefix) for file in page)


names = ["exports/2026-11-03.csv", "exports/2026-11-09.csv", "exports/2026-12-01.csv"]
for store in (MemoryStore(), LocalStore(sys.argv[1] + "/files", mkdir=True)):
    for name in names:
        obstore.put(store, name, b"reference,total\n")
    kind = type(store).__name__
    print(kind, "of November:", listed(store, "exports/2026-11"))
    print(kind, "of all:", listed(store, "exports"))
    assert listed(store, "exports/2026-11") == []
    assert listed(store, "exports") == names
PYTHON
