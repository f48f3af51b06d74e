#!/usr/bin/env bash
# aiosmtplib 5.1.3, and email of Python 3.11 to 3.13
#
# A mail has the header List-Unsubscribe with an address of 100 characters. One would guess that it
# is sent as it is: RFC 2369 wants an address in angle brackets there, and RFC 2047 (section 5)
# allows encoded words only in texts. Python folds what doesn't fit into a line, and as the address
# has no space in it, makes encoded words of it: "=?utf-8?q?=3Chttps=3A//…". A message whose own
# policy has longer lines keeps it; aiosmtplib flattens the message by another policy, and encodes
# it nevertheless.
#
# It matters to whoever sends newsletters or notifications: Gmail and Yahoo require one-click
# unsubscription (RFC 8058) of bulk senders, and find no address in such a header.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet aiosmtplib==5.1.3

cat >show.py <<'PYTHON'
from email.message import EmailMessage
from email.policy import default

from aiosmtplib.email import flatten_message

ADDRESS = f"<https://book.example.com/unsubscribe/{'a' * 60}>"

email = EmailMessage(policy=default.clone(max_line_length=998))
email["From"] = "bookings@example.com"
email["List-Unsubscribe"] = ADDRESS
email.set_content("See you soon")

by_its_policy = email.as_bytes()
as_sent = flatten_message(email)

assert f"List-Unsubscribe: {ADDRESS}".encode() in by_its_policy
assert ADDRESS.encode() not in as_sent
assert b"List-Unsubscribe: =?utf-8?q?=3Chttps=3A//book=2Eexample=2Ecom" in as_sent, as_sent
print("By the message's policy: the address. As aiosmtplib sends it: encoded words.")
PYTHON
venv/bin/python show.py
