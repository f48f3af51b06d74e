#!/usr/bin/env bash
# phonenumberslite 9.0.42 (libphonenumber for Python)
#
# In Argentina and in Mexico a mobile number is written in more than one way. One would guess that
# the library reads the older ways of both, as it reads trunk prefixes everywhere. Argentina's local
# "15" does become the "9" that is dialled from abroad. Mexico's "+52 1", which was needed until
# 2019 and is still in address books, isn't read: the number counts as too long to be one.
#
# It matters where guests' numbers are imported, or filled in from a phone's contacts: such a guest
# is told that a number that has been right for years is none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet phonenumberslite==9.0.42

"$folder/venv/bin/python" - <<'PYTHON'
import phonenumbers

E164 = phonenumbers.PhoneNumberFormat.E164


def example(region: str) -> str:
    kind = phonenumbers.PhoneNumberType.MOBILE
    return phonenumbers.format_number(phonenumbers.example_number_for_type(region, kind), E164)


def read(text: str) -> tuple[str, bool]:
    number = phonenumbers.parse(text)
    return phonenumbers.format_number(number, E164), phonenumbers.is_possible_number(number)


argentina, mexico = example("AR"), example("MX")  # +54 9 11 23456789 and +52 222 1234567
old_argentina = f"+54 {argentina[4:6]} 15 {argentina[6:]}"
old_mexico = f"+52 1 {mexico[3:]}"
for old in (old_argentina, old_mexico):
    print(old, "is read as", *read(old))
assert read(argentina) == read(old_argentina) == (argentina, True)
assert read(mexico) == (mexico, True) and read(old_mexico)[1] is False
PYTHON
