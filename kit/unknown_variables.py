"""Finds environment variables that are named like settings of this server, but aren't any."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Final

PREFIX: Final = "BOOM_"
FOR_TESTS: Final = "BOOM_TEST_"

# Kubernetes sets such variables in every pod, if a service of the namespace is named `boom` or
# `boom-…`. BOOM_PORT is one of them only if its value is an address.
_SERVICE_LINK: Final = re.compile(
    r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?"
)
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")


def unknown_variables(given: Mapping[str, str | None], known: Collection[str]) -> list[str]:
    """Returns a line for each variable that begins with ``BOOM_`` and isn't known.

    Each suggests the known name that is most like it.
    """
    return [
        _line(name, known)
        for name, value in sorted(given.items())
        if name.startswith(PREFIX)
        and name not in known
        and not name.startswith(FOR_TESTS)
        and not _is_service_link(name, value or "")
    ]


def _is_service_link(name: str, value: str) -> bool:
    if _SERVICE_LINK.fullmatch(name):
        return True
    return name.endswith("_PORT") and _SERVICE_ADDRESS.match(value) is not None


def _line(name: str, known: Collection[str]) -> str:
    # Without the prefix, by which all names are alike.
    by_rest = {each.removeprefix(PREFIX): each for each in known}
    similar = get_close_matches(name.removeprefix(PREFIX), by_rest, n=1)
    advice = (
        f"did you mean {by_rest[similar[0]]}?"
        if similar
        else "remove it, or see README.md for all settings"
    )
    return f"{name}: is not a setting; {advice}"
