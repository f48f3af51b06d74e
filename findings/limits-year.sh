#!/usr/bin/env bash
# limits 5.8.0
#
# "1 per year" reads like a calendar year or, if need be, 365 days. One would not guess 360: a month
# is 30 days, and a year is twelve of them. What is used up on 4 January is free again on
# 30 December of the same year.
#
# It matters for allowances that are sold by the year: free cancellations, birthday vouchers,
# exports. Some get two of them in one calendar year.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet limits==5.8.0

"$folder/venv/bin/python" - <<'PYTHON'
import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

limiter = FixedWindowRateLimiter(MemoryStorage())
yearly = parse("1 per year")
assert limiter.hit(yearly, "voucher") and not limiter.hit(yearly, "voucher")
days = (limiter.get_window_stats(yearly, "voucher").reset_time - time.time()) / 86_400
print(f"Used up, {yearly} is free again in {days:.2f} days.")
assert 359.9 < days <= 360
PYTHON
