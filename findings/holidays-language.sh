#!/usr/bin/env bash
# holidays 0.108
#
# One would guess that country_holidays("DE") names Germany's holidays in German, or in a language
# that is the same everywhere. It depends on the LANG of the process: "Neujahr" where none is set,
# as for many a service, and "New Year's Day" under en_US.UTF-8, as on many a desk.
#
# It matters where the names are stored, shown to guests, or are keys by which a venue says on which
# holidays it opens: a worker that starts under another LANG finds none of them. Pass a language.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet holidays==0.108

cat >"$folder/show.py" <<'PYTHON'
from datetime import date

import holidays

print(holidays.country_holidays("DE", years=2027)[date(2027, 1, 1)])
PYTHON
unset LC_ALL LC_MESSAGES LANGUAGE LANG
service=$("$folder/venv/bin/python" "$folder/show.py")
desk=$(LANG=en_US.UTF-8 "$folder/venv/bin/python" "$folder/show.py")
echo "1 January in Germany is $service without LANG, and $desk under en_US.UTF-8."
[[ "$service" == "Neujahr" && "$desk" == "New Year's Day" ]]
