"""Webhooks, as npm's reference library and the documented snippets verify them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.webhooks.signatures import new_secret, signed_headers
from tests.protocol.node_kit import Kit


async def test_the_reference_library_verifies_them(kit: Kit, tmp_path: Path) -> None:
    old, new, other = new_secret(), new_secret(), new_secret()
    body = json.dumps({"type": "booking.created", "data": {"note": "Zwölf 🎤"}})
    headers = signed_headers([new, old], id="a", at=datetime.now(UTC), body=body.encode())
    file = tmp_path / "webhooks"
    lines = [{"secret": each, "headers": headers, "body": body} for each in (new, old, other)]
    file.write_text("\n".join(map(json.dumps, lines)))

    async with kit.running("webhook.mjs", str(file)) as output:
        assert [await output.next() for _ in lines] == [
            {"verified": json.loads(body)},
            {"verified": json.loads(body)},
            {"refused": "No matching signature found"},
        ]


async def test_the_documented_snippets_verify_them(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, body = new_secret(), b'{"type":"booking.created"}'
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    headers = dict(signed_headers([secret], id="a", at=datetime.now(UTC), body=body))

    python: dict[str, Any] = {}
    exec(snippet("python"), python)  # noqa: S102 - from our own documentation
    assert python["read"](body, headers) == {"type": "booking.created"}

    # What Node runs of it: without the types.
    plain = re.sub(r": [A-Z]\w+(<[\w, ]+>)?|: (string|unknown)|!", "", snippet("typescript"))
    given = json.dumps([body.decode(), headers])
    script = kit.folder / f"snippet-{tmp_path.name}.mjs"
    script.write_text(f"{plain}\nconsole.log(JSON.stringify(read(...{given})));\n")
    try:
        async with kit.running(script) as output:
            assert await output.next() == {"type": "booking.created"}
    finally:
        script.unlink()


def snippet(language: str) -> str:
    """Returns the code in docs/webhooks.md."""
    text = Path("docs/webhooks.md").read_text()
    (code,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(code)
