"""Signatures of webhooks, by the Standard Webhooks specification."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
OLD_SECRET_LIFETIME: Final = timedelta(hours=24)
"""How long webhooks are also signed with the secret of before a rotation."""


def new_secret() -> str:
    """Returns a new secret, as receivers get it."""
    return f"{PREFIX}{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def signed_headers(
    secrets_: Sequence[str], *, id: str, at: datetime, body: bytes
) -> Mapping[str, str]:
    """Returns the headers of a webhook, signed with each secret."""
    timestamp = int(at.timestamp())
    signed = b"%b.%d.%b" % (id.encode(), timestamp, body)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(each, signed) for each in secrets_),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
