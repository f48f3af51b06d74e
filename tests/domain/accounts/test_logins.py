"""The logins of which a user is notified."""

import pytest

from domain.accounts.logins import is_unfamiliar

HOME = ("Browser/148.0.1 (Linux)", "192.0.2.1")
WORK = ("Phone/3_1", "198.51.100.7")


@pytest.mark.parametrize(
    ("program", "network"),
    [
        ("Browser/148.0.1 (Linux)", "192.0.2.1"),
        ("Browser/149.2 (Linux)", "192.0.2.1"),
        ("Phone/3_2", "192.0.2.1"),
    ],
)
def test_a_known_program_in_a_known_network_is_familiar(program: str, network: str) -> None:
    assert not is_unfamiliar([HOME, WORK], program, network)


@pytest.mark.parametrize(
    ("program", "network"),
    [
        ("Browser/148.0.1 (Linux)", "203.0.113.9"),
        ("Script/1", "192.0.2.1"),
        (None, "192.0.2.1"),
    ],
)
def test_another_program_or_network_is_not(program: str | None, network: str) -> None:
    assert is_unfamiliar([HOME, WORK], program, network)


def test_after_a_time_without_sessions_everything_is_unfamiliar() -> None:
    assert is_unfamiliar([], *HOME)


def test_where_nothing_was_noted_nothing_is_unfamiliar() -> None:
    assert not is_unfamiliar([(None, None)], *HOME)
