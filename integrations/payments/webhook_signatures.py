"""Webhook signatures: ``t=<seconds>,v1=<hex>``, an HMAC-SHA256 over ``<seconds>.<body>``."""

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from integrations.payments.protocol import BadSignature

TOLERANCE: Final = timedelta(minutes=5)
"""How far the time of a webhook may differ from ours, in either direction."""

_LONGEST: Final = 4096
_SCHEME: Final = "v1"


def signed(body: bytes, *, secret: str, at: datetime) -> str:
    """Returns the signature header of a webhook that is sent at an instant."""
    seconds = int(at.timestamp())
    return f"t={seconds},{_SCHEME}={_digest(body, secret, seconds)}"


def check(body: bytes, header: str | None, *, secrets: Iterable[str], now: datetime) -> None:
    """Checks that one of the signatures was made with one of the secrets, and its time.

    There are several of both while a secret is rotated. Raises BadSignature.
    """
    if not header or len(header) > _LONGEST:
        raise BadSignature("There is no signature")
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    given = [value.strip() for name, _, value in parts if name.strip() == _SCHEME]
    seconds = _seconds(times)
    expected = [_digest(body, secret, seconds) for secret in secrets]
    # All of them are compared, so that the time taken reveals nothing.
    matches = [
        hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given
    ]
    if not any(matches):
        raise BadSignature("No signature is right")
    # An old webhook may be a replay; one from the future could be replayed for long.
    if abs(now.timestamp() - seconds) > TOLERANCE.total_seconds():
        raise BadSignature("The delivery is not of now")


def _seconds(times: list[str]) -> int:
    if len(times) != 1 or not (times[0].isascii() and times[0].isdecimal() and len(times[0]) < 13):
        raise BadSignature("The signature has no time")
    return int(times[0])


def _digest(body: bytes, secret: str, seconds: int) -> str:
    return hmac.digest(secret.encode(), b"%d.%b" % (seconds, body), "sha256").hex()
