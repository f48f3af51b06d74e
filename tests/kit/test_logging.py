"""Buffered log lines are all written, in order."""

import io
import json
import subprocess
import sys
import time

import pytest

from kit.logging import MAX_QUEUED_LINES, Gathered


def test_lines_are_written_soon_and_in_order() -> None:
    stream = io.StringIO()
    gathered = Gathered(stream)

    for n in range(1000):
        gathered.write(f"{n}\n")

    assert stream.getvalue() == ""
    for _ in range(200):
        if stream.getvalue().endswith("999\n"):
            break
        time.sleep(0.05)
    assert stream.getvalue().split() == [str(n) for n in range(1000)]


def test_nothing_is_lost_at_the_end_of_a_process() -> None:
    script = (
        "import structlog\n"
        "from kit.logging import configure_logging\n"
        "configure_logging(gathered=True)\n"
        "structlog.get_logger().info('last.words')\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, timeout=60
    )

    assert b'"last.words"' in ended.stderr


def test_a_line_has_the_fields_that_were_bound() -> None:
    script = (
        "import structlog\n"
        "from kit.logging import configure_logging\n"
        "configure_logging(gathered=True)\n"
        "log = structlog.get_logger().bind(job='mail', attempt=1)\n"
        "log.info('job.done', attempt=2)\n"
        "log.warning('job.failed')\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, timeout=60
    )

    lines = [json.loads(each) for each in ended.stderr.splitlines()]
    assert [(each["event"], each["job"], each["attempt"]) for each in lines] == [
        ("job.done", "mail", 2),
        ("job.failed", "mail", 1),
    ]


@pytest.mark.parametrize("readable", ["True", "False"])
def test_ids_are_printed_as_text(readable: str) -> None:
    script = (
        "import structlog\n"
        "from uuid import UUID\n"
        "from kit.logging import configure_logging\n"
        f"configure_logging(readable={readable})\n"
        "structlog.get_logger().info('seen', tenant=UUID(int=7))\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, timeout=60
    )

    assert b"00000000-0000-0000-0000-000000000007" in ended.stderr
    assert b"UUID" not in ended.stderr


def test_what_nobody_reads_is_dropped_from_the_front() -> None:
    gathered = Gathered(io.StringIO())
    for n in range(MAX_QUEUED_LINES + 10):
        gathered._lines.append(f"{n}\n")

    assert len(gathered._lines) == MAX_QUEUED_LINES
    assert gathered._lines[0] == "10\n"
