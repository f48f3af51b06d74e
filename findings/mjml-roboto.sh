#!/usr/bin/env bash
# mjml-python 1.4.2 (the MJML of Rust, mrml)
#
# MJML loads a web font where a template asks for it with <mj-font>. One would guess that a font
# which is only named, as one of several in a font-family, stays a name. Whoever names Roboto, Lato,
# Open Sans, Droid Sans or Ubuntu anywhere in the stack, as in the usual "system-ui, 'Segoe UI',
# Roboto, sans-serif", gets a <link> and an @import of fonts.googleapis.com in every mail, in whose
# source nothing asks for it.
#
# It matters for privacy: each recipient who opens the mail is reported to a third party, with time
# and address. The same stack without these five names loads nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet mjml-python==1.4.2

venv/bin/python - <<'PYTHON'
from mjml import mjml2html


def addresses(stack: str) -> int:
    text = f"""<mjml><mj-body><mj-section><mj-column><mj-text font-family="{stack}">Hello</mj-text>
    </mj-column></mj-section></mj-body></mjml>"""
    return mjml2html(text).count("fonts.googleapis.com")


with_roboto = addresses("system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif")
without = addresses("system-ui, 'Segoe UI', Helvetica, Arial, sans-serif")
print(f"Addresses of fonts.googleapis.com: {with_roboto} with Roboto in the stack, {without} without")
assert (with_roboto, without) == (2, 0)
PYTHON
