#!/usr/bin/env bash
# Babel 2.18.0, and Intl of Node for comparison
#
# CLDR has a space between a currency's code and the number, where a pattern has none and the sign
# is made of letters: "CHF 29.00", "KWD 29.000". Its data are in Babel, and Intl follows them. One
# would guess that format_currency does too. It writes "CHF29.00" and "KWD29.000", in English and in
# every other language whose pattern has the sign directly before the number.
#
# It matters for messages and receipts, where it looks like a slip. A space that doesn't break is
# easily put between letters and digits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet babel==2.18.0

venv/bin/python - >babel.txt <<'PYTHON'
from babel.numbers import format_currency

print(*(format_currency(29, code, locale="en") for code in ("CHF", "KWD", "USD")), sep="|")
PYTHON
node -e '
const written = (currency) =>
  new Intl.NumberFormat("en", { style: "currency", currency }).format(29).replace("\u00a0", " ");
console.log(["CHF", "KWD", "USD"].map(written).join("|"));
' >intl.txt

echo "Babel: $(cat babel.txt); Intl: $(cat intl.txt)"
[ "$(cat babel.txt)" = 'CHF29.00|KWD29.000|$29.00' ]
[ "$(cat intl.txt)" = 'CHF 29.00|KWD 29.000|$29.00' ]
