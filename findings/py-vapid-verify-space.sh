#!/usr/bin/env bash
# py-vapid 1.9.6
#
# A push service, or a test, checks the header of a push by Vapid02.verify. RFC 8292 writes it as
# "vapid t=…, k=…", and RFC 9110 (section 11.6.2) allows a space after the comma. One would guess
# that it is verified. The library takes only what it writes itself, without the space: with it, a
# rightly signed header fails with AssertionError, "Incorrect schema specified".
#
# It matters to whoever writes the header by another library and checks it by this one: the message
# blames the scheme, which is right. Sent without the space, every reader takes it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet py-vapid==1.9.6

cat >show.py <<'PYTHON'
import time

from py_vapid import Vapid02

key = Vapid02()
key.generate_keys()
claims = {
    "aud": "https://push.example.com",
    "exp": int(time.time()) + 3600,
    "sub": "mailto:ops@example.com",
}
header = key.sign(claims)["Authorization"]

assert Vapid02.verify(header)
try:
    Vapid02.verify(header.replace(",k=", ", k="))
except AssertionError as error:
    assert str(error) == "Incorrect schema specified", error
else:
    raise SystemExit("the header with a space is taken")
print('"vapid t=…,k=…" is verified; "vapid t=…, k=…" has an "incorrect schema".')
PYTHON
venv/bin/python show.py
