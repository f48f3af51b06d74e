#!/usr/bin/env bash
# Babel 2.18.0 against the Intl of Node.js, both on the data of CLDR
#
# A room is taken from 23:00 on 5 March to 02:00 on 7 March, and shown as an interval of hours and
# minutes. One would guess that both write the dates out, since they differ. Intl does; Babel
# writes "23:00 – 02:00", the same as for three hours.
#
# It matters for nights and stays: the page (Intl) shows two days and the mail (Babel) three hours.
# Ask Babel for a skeleton with the date as soon as the days differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Babel==2.18.0

babel=$("$folder/venv/bin/python" - <<'PYTHON'
from datetime import UTC, datetime

from babel.dates import format_interval

start = datetime(2027, 3, 5, 23, tzinfo=UTC)
end = datetime(2027, 3, 7, 2, tzinfo=UTC)
print(format_interval(start, end, "Hm", locale="en"))
PYTHON
)
intl=$(node -p "
  const options = { hour: 'numeric', minute: '2-digit', hourCycle: 'h23', timeZone: 'UTC' };
  new Intl.DateTimeFormat('en', options)
    .formatRange(new Date('2027-03-05T23:00Z'), new Date('2027-03-07T02:00Z'))
")
echo "27 hours are '$babel' by Babel, and '$intl' by Intl."
[[ "$babel" =~ ^23:00[^0-9]+02:00$ ]] && [[ "$intl" == *3/5/2027*3/7/2027* ]]
