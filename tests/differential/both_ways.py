"""Compares every compiled read of a test with field-by-field execution."""

from collections.abc import Iterator
from functools import partial

import pytest

from execution.executor import Executor
from tests.differential.comparison import Compared, Findings
from tests.differential.payloads import compared_rows


@pytest.fixture(autouse=True)
def both_ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[Findings]:
    """Returns the result; any difference between the two ways fails the test."""
    findings = Findings()
    monkeypatch.setattr("app.Operations", partial(Compared, findings))
    monkeypatch.setattr(Executor, "_read_row", compared_rows(Executor._read_row, findings))
    yield findings
    assert not findings.differences, "\n\n".join(findings.differences[:3])
