"""Operations that schemathesis generates from the schema cause no error.

It needs other versions of packages than ours: it has an environment of its own, by its lock.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from kit.runtime import Runtime
from kit.settings import Settings
from tests.attacks.internals import internals_in
from tests.support.cache import installed
from tests.support.factories import make_venue

LOCK: Final = Path(__file__).with_name("schemathesis.lock")
MAX_EXAMPLES: Final = 40
# They end sessions: what comes after them would be refused unread.
LEFT_OUT: Final = ("logout", "endSession", "endOtherSessions", "changePassword")


def install(folder: Path) -> None:
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/python", *pip, "-r", LOCK], check=True)


@pytest.mark.soak
async def test_schemathesis_finds_no_fault(
    server: str, runtime: Runtime, settings: Settings, tmp_path: Path
) -> None:
    folder = await asyncio.to_thread(installed, "schemathesis", [LOCK], install)
    venue = await make_venue(runtime)

    process = await asyncio.create_subprocess_exec(
        folder / "bin/schemathesis",
        "run",
        f"{server}/graphql",
        *("--header", f"Authorization: Bearer {venue.owner.token}"),
        *("--checks", "not_a_server_error"),
        *("--seed", "1", "--max-examples", str(MAX_EXAMPLES), "--no-shrink"),
        *("--continue-on-failure", "--suppress-health-check", "all"),
        *(part for name in LEFT_OUT for part in ("--exclude-name", f"Mutation.{name}")),
        *("--report-har-path", str(tmp_path / "requests.har")),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()

    answers = _answers(tmp_path / "requests.har")
    assert len(answers) > 1_000, said.decode()
    # It takes errors that GraphQL answers with for faults: judged is what was answered.
    assert [a for a in answers if a["status"] >= 500 or internals_in(a["text"])] == []


def _answers(har: Path) -> list[dict[str, Any]]:
    entries = json.loads(har.read_text())["log"]["entries"]
    return [
        {
            "status": entry["response"]["status"],
            "text": entry["response"]["content"].get("text", ""),
            "asked": entry["request"].get("postData", {}).get("text"),
        }
        for entry in entries
    ]
