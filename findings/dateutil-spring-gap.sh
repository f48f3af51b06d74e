#!/usr/bin/env bash
# python-dateutil 4.0.0 against 2.9.0.post0
#
# A daily rule at 02:30 in New York meets the night on which 02:30 doesn't exist (14 March 2027).
# One would guess that an upgrade leaves the occurrences of a rule where they are. But that night's
# is at 06:30Z (01:30 EST) by 2.9 and at 07:30Z (03:30 EDT) by 4.0. The newer one is what RFC 5545
# (section 3.3.5) and zoneinfo say.
#
# It matters where occurrences are stored, or are keys (RECURRENCE-ID, "is booked already"): the
# upgrade moves one by an hour, and what compares instants takes it for another.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

occurrence() {
  python3 -m venv "$folder/$1"
  "$folder/$1/bin/pip" install --quiet "python-dateutil==$1"
  "$folder/$1/bin/python" - <<'PYTHON'
from datetime import datetime

from dateutil import tz
from dateutil.rrule import DAILY, rrule

start = datetime(2027, 3, 13, 2, 30, tzinfo=tz.gettz("America/New_York"))
print(rrule(DAILY, dtstart=start, count=2)[1].astimezone(tz.UTC).strftime("%H:%MZ"))
PYTHON
}

old=$(occurrence 2.9.0.post0)
new=$(occurrence 4.0.0)
echo "The occurrence of 14 March 2027 is at $old by dateutil 2.9.0.post0, and at $new by 4.0.0."
[[ "$old $new" == "06:30Z 07:30Z" ]]
