"""Logins: why they fail, and whether they come from an unfamiliar place."""

import re
from collections.abc import Collection
from enum import StrEnum

_VERSION = re.compile(r"\d[\d._]*")


class LoginFailure(StrEnum):
    """Why a login failed, for the audit log and the metrics."""

    UNKNOWN_ACCOUNT = "unknown account"
    WRONG_PASSWORD = "wrong password"  # noqa: S105 - a name
    NOT_JOINED = "invitation not accepted"
    CLOSED = "account closed"
    THROTTLED = "too many tries"


class SessionEnd(StrEnum):
    """Why sessions ended, for the audit log and the metrics."""

    LOGGED_OUT = "logged out"
    ENDED_ELSEWHERE = "ended from another session"
    REUSED = "refresh token used twice"
    TOO_MANY = "too many sessions"
    PASSWORD_CHANGED = "password changed"  # noqa: S105 - a name
    PASSWORD_RESET = "password reset"  # noqa: S105 - a name


def is_unfamiliar(
    known: Collection[tuple[str | None, str | None]], program: str | None, network: str
) -> bool:
    """Returns whether no recent session had this program, or none had this network.

    ``known`` are the programs and networks of the recent sessions, None where they are unknown.
    The version of a program doesn't matter. Without a recent session, everything is unfamiliar.
    """
    if not known:
        return True
    programs = {_name(each) for each, _ in known if each}
    networks = {each for _, each in known if each}
    is_new_program = bool(programs) and _name(program or "") not in programs
    return is_new_program or (bool(networks) and network not in networks)


def _name(program: str) -> str:
    return _VERSION.sub("", program)
