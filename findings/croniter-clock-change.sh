#!/usr/bin/env bash
# croniter 7.0.0
#
# "30 1 * * *" is once a day. croniter takes a zone, and in March it does as cron does when the
# clocks change: the run of a missing 02:30 comes at 03:00. One would guess that it does so in
# November too, when cron runs what has a fixed time once. There it gives 01:30 twice, an hour
# apart; dateutil's daily rule gives it once.
#
# It matters for what runs nightly and must not run twice: charging those who didn't come, closing
# the till, sending the day's list.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet croniter==7.0.0 python-dateutil==4.0.0 tzdata==2026.6

"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import croniter
from dateutil.rrule import DAILY, rrule

NEW_YORK = ZoneInfo("America/New_York")


def next_two(expression: str, after: datetime) -> list[str]:
    runs = croniter(expression, after.replace(tzinfo=NEW_YORK))
    return [f"{runs.get_next(datetime):%d %H:%M %Z}" for _ in range(2)]


november = next_two("30 1 * * *", datetime(2027, 11, 6, 12))
march = next_two("30 2 * * *", datetime(2027, 3, 13, 12))
first = datetime(2027, 11, 7, 1, 30, tzinfo=NEW_YORK)
rule = [f"{each:%d %H:%M %Z}" for each in rrule(DAILY, dtstart=first, count=2)]
print("By croniter, November:", november, "and March:", march, "; by dateutil:", rule)
assert november == ["07 01:30 EDT", "07 01:30 EST"]
assert march == ["14 03:00 EDT", "15 02:30 EDT"]
assert rule == ["07 01:30 EDT", "08 01:30 EST"]
PYTHON
