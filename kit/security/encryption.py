"""Texts that lie in the database for a while, and that only this installation can read."""

import hmac
import secrets
from base64 import b64decode, b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


class Unreadable(Exception):
    """Sealed with another secret, for another use, or changed since."""


class Seal:
    """Encrypts with AES-256-GCM, by a key derived from the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(secret, b"seal", "sha256"))

    def seal(self, text: str, *, use: str) -> str:
        """The text as nobody else can read it; it opens for the same ``use`` only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), use.encode())).decode()

    def open(self, sealed: str, *, use: str) -> str:
        """Raises Unreadable."""
        try:
            data = b64decode(sealed, validate=True)
            nonce, hidden = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, hidden, use.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unreadable(use) from error
