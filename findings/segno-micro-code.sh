#!/usr/bin/env bash
# segno 1.6.6, read by jsQR 1.4.0
#
# A check-in pass shows a booking's reference, nine characters, as a code to scan. One would guess
# that `segno.make` makes a QR code. For so short a text it makes a Micro QR code, with one square in
# a corner instead of three, which scanners for QR codes, as those in web pages, don't see. The same
# call with a link is a QR code, so that a trial with a longer text finds nothing.
#
# It matters at the door: the pass looks right and can't be scanned. `segno.make_qr` makes none but
# QR codes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet segno==1.6.6
npm install --silent --no-audit --no-fund jsqr@1.4.0

venv/bin/python - >codes.json <<'PYTHON'
import json

import segno


def modules(code):
    return [list(row) for row in code.matrix_iter(scale=8, border=6)]


reference = "K7Q2-9FXM"
link = "https://venue.test/bookings/K7Q2-9FXM"
codes = {"short": segno.make(reference), "link": segno.make(link), "qr": segno.make_qr(reference)}
kinds = {name: code.is_micro for name, code in codes.items()}
print(json.dumps({"is_micro": kinds, "modules": {n: modules(c) for n, c in codes.items()}}))
PYTHON

cat >scan.cjs <<'NODE'
const { deepEqual } = require('node:assert/strict');
const scan = require('jsqr');
const { is_micro, modules } = require('./codes.json');

const seen = Object.fromEntries(
  Object.entries(modules).map(([name, rows]) => {
    const shades = rows.flat().flatMap((dark) => [0, 0, 0].fill(dark ? 0 : 255).concat(255));
    const found = scan(Uint8ClampedArray.from(shades), rows[0].length, rows.length);
    return [name, found && found.data];
  }),
);
console.log('Micro QR codes:', is_micro, '; scanned:', seen);
deepEqual(is_micro, { short: true, link: false, qr: false });
deepEqual(seen, {
  short: null,
  link: 'https://venue.test/bookings/K7Q2-9FXM',
  qr: 'K7Q2-9FXM',
});
NODE
node scan.cjs
