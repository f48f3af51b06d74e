"""Logins: why they fail, and whether they come from where somebody usually is."""

import re
from collections.abc import Collection
from enum import StrEnum

_VERSION = re.compile(r"\d[\d._]*")


class LoginFailure(StrEnum):
    """Why a login failed, as the audit log and the metrics have it."""

    UNKNOWN_ACCOUNT = "unknown account"
    WRONG_PASSWORD = "wrong password"  # noqa: S105 - a name
    NOT_JOINED = "invitation not accepted"
    CLOSED = "account closed"
    THROTTLED = "too many tries"


class SessionEnd(StrEnum):
    """Why sessions ended, as the audit log and the metrics have it."""

    LOGGED_OUT = "logged out"
    ENDED_ELSEWHERE = "ended from another session"
    REUSED = "refresh token used twice"
    TOO_MANY = "too many sessions"
    PASSWORD_CHANGED = "password changed"  # noqa: S105 - a name
    PASSWORD_RESET = "password reset"  # noqa: S105 - a name


def is_unfamiliar(
    known: Collection[tuple[str | None, str | None]], program: str | None, network: str
) -> bool:
    """Is the program or the network another than in all sessions of late?

    ``known`` are their programs and networks, None where nothing was noted. A newer version of a
    program is the same one. Without any session of late, everything is unfamiliar.
    """
    if not known:
        return True
    programs = {_name(each) for each, _ in known if each}
    networks = {each for _, each in known if each}
    is_new_program = bool(programs) and _name(program or "") not in programs
    return is_new_program or (bool(networks) and network not in networks)


def _name(program: str) -> str:
    return _VERSION.sub("", program)
