"""Encrypts texts that are stored in the database, with keys that can be rotated.

``v1.<key id>.<base64 of nonce, text and tag>`` names the key that it was encrypted with, so that
several keys decrypt while the newest encrypts. Texts of before have neither version nor key id.

DecryptionError
+-- UnknownKey      its key or its version is one that this process doesn't know
"""

import hmac
import re
import secrets
from base64 import b64decode, b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION: Final = "v1"
_NONCE_BYTES: Final = 12
_KEY_ID_BYTES: Final = 8
_HEADED: Final = re.compile(r"(?P<version>v[0-9]{1,4})\.(?P<key_id>[0-9a-f]{16})\.(?P<body>.*)")


class DecryptionError(Exception):
    """The text was modified, was encrypted for another use, or its key is unknown."""


class UnknownKey(DecryptionError):
    """The text names a key or a version that another process may know."""

    def __init__(self, version: str, key_id: str) -> None:
        super().__init__(f"encrypted ({version}) with the key {key_id}, which is not known here")
        self.key_id = key_id


class Cipher:
    """Encrypts with AES-256-GCM, with a key derived from the installation's secret.

    ``fallbacks`` are secrets whose keys decrypt, too: what was encrypted before a rotation, and by
    processes that rotate earlier or later.
    """

    def __init__(self, secret: bytes, *fallbacks: bytes) -> None:
        keys = [_derive_key(each) for each in (secret, *fallbacks)]
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._newest = next(iter(self._ciphers))

    @property
    def head(self) -> str:
        """What the texts begin with that the newest key encrypted."""
        return f"{_VERSION}.{self._newest}"

    def encrypt(self, text: str, *, use: str) -> str:
        """Returns the text encrypted with the newest key; it decrypts for the same ``use`` only."""
        head = self.head
        nonce = secrets.token_bytes(_NONCE_BYTES)
        hidden = self._ciphers[self._newest].encrypt(nonce, text.encode(), _bound(head, use))
        return f"{head}.{b64encode(nonce + hidden).decode()}"

    def decrypt(self, encrypted: str, *, use: str) -> str:
        """Raises DecryptionError; UnknownKey where another process may know the key."""
        if "." not in encrypted:
            return self._decrypt_unversioned(encrypted, use)
        found = _HEADED.fullmatch(encrypted)
        if found is None:
            raise DecryptionError("not in the form <version>.<key id>.<base64>")
        version, key_id = found["version"], found["key_id"]
        cipher = self._ciphers.get(key_id)
        if version != _VERSION or cipher is None:
            raise UnknownKey(version, key_id)
        try:
            return _decrypt(cipher, found["body"], _bound(f"{version}.{key_id}", use))
        except (InvalidTag, ValueError) as error:
            raise DecryptionError(
                f"changed since it was encrypted with the key {key_id}, or for another use"
            ) from error

    def _decrypt_unversioned(self, encrypted: str, use: str) -> str:
        """Decrypts a text from before texts named their keys, with any key that fits."""
        for cipher in self._ciphers.values():
            try:
                return _decrypt(cipher, encrypted, use.encode())
            except (InvalidTag, ValueError):
                continue
        raise DecryptionError("names no key, and none that is known here decrypts it")


def _derive_key(secret: bytes) -> bytes:
    return hmac.digest(secret, b"seal", "sha256")


def _key_id(key: bytes) -> str:
    """Returns a key's loggable id, which is made of the derived key, never of the secret."""
    return hmac.digest(key, b"key id", "sha256")[:_KEY_ID_BYTES].hex()


def _bound(head: str, use: str) -> bytes:
    """Returns the associated data of a text: its head and use can't be replaced."""
    return f"{head}.{use}".encode()


def _decrypt(cipher: AESGCM, body: str, bound: bytes) -> str:
    data = b64decode(body, validate=True)
    return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], bound).decode()
