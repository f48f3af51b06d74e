#!/usr/bin/env bash
# email-validator 2.4.0
#
# validate_email(…).normalized keeps the case of what stands before the @, since it may matter to
# the receiving host; so one would guess that it does so for every address. For fifteen names it
# doesn't: info, sales, support, marketing and others of RFC 2142 come out in lower case.
#
# It matters for accounts: Info@example.com and info@example.com are one, Team@ and team@ are two,
# and Reception@ can't log in as reception@. Whoever tried the rule with "Info@" believes it done.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet email-validator==2.4.0

"$folder/venv/bin/python" - <<'PYTHON'
from email_validator import validate_email

given = ("Info@Example.com", "Support@Example.com", "Team@Example.com", "Reception@Example.com")
normal = [validate_email(each, check_deliverability=False).normalized for each in given]
print(*normal)
assert normal == [
    "info@example.com",
    "support@example.com",
    "Team@example.com",
    "Reception@example.com",
]
PYTHON
