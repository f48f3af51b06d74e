#!/usr/bin/env bash
# Babel 2.18.0 against the Intl of Node.js, both on the data of CLDR
#
# Half a cent is where a percentage of a price often ends. One would guess that two libraries on the
# same data print one amount. Babel rounds half to even: $10.005 is $10.00 and 2.5 yen are ¥2. Intl
# rounds half away from zero: $10.01 and ¥3, from decimal text too, so that floats aren't to blame.
#
# It matters where the page (Intl) and the mail or invoice (Babel) show one amount: they differ by a
# cent, in half of the ties. Round by a rule of your own before either sees it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Babel==2.18.0

babel=$("$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

from babel.numbers import format_currency

amounts = {"10.005": "USD", "10.015": "USD", "2.5": "JPY"}
print(*(format_currency(Decimal(amount), code, locale="en") for amount, code in amounts.items()))
PYTHON
)
intl=$(node -p "
  [['10.005', 'USD'], ['10.015', 'USD'], ['2.5', 'JPY']].map(([amount, currency]) =>
    new Intl.NumberFormat('en', { style: 'currency', currency }).format(amount)).join(' ')
")
echo "Babel: $babel; Intl: $intl"
[[ "$babel" == '$10.00 $10.02 ¥2' && "$intl" == '$10.01 $10.02 ¥3' ]]
