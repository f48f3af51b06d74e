"""The SQL of twenty operations is stored beside this test, so that changes are reviewed.

To accept a change: ``BOOM_TEST_ACCEPT_SQL=1 pytest tests/kit/graphql/compiler/test_sql.py``; then
read the diff.
"""

import os
import re
from pathlib import Path

import pytest

from domain.core.clock_changes import RELEASE
from tests.kit.graphql.compiler.planning import read
from tests.kit.graphql.compiler.questions import NAMED

FOLDER = Path(__file__).with_name("sql")


def written(name: str) -> str:
    """Returns the SQL of a named operation, a key of the answer to a line."""
    found = read(*NAMED[name])
    assert found is not None and found.is_whole
    # A newer tzdata changes no statement but by its name.
    sql = found.plan.sql.replace(f"'{RELEASE}'", "'the installed release'")
    return re.sub(r'( AS "\w+",) ', r"\1\n  ", sql) + "\n"


@pytest.mark.parametrize("name", NAMED)
def test_the_sql_is_the_one_that_was_read(name: str) -> None:
    kept = FOLDER / f"{name}.sql"
    now = written(name)

    if os.environ.get("BOOM_TEST_ACCEPT_SQL"):
        kept.write_text(now)

    assert now == kept.read_text(), "accept it with BOOM_TEST_ACCEPT_SQL=1 once the change is right"


def test_no_sql_is_left_over() -> None:
    assert {each.stem for each in FOLDER.glob("*.sql")} == set(NAMED)
