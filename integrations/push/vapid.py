"""VAPID: the key pair by which push services know this server (RFC 8292)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

KEY_BYTES: Final = 32
VALID_FOR: Final = timedelta(hours=12)
"""How long a token is valid; push services take at most a day."""

_CURVE: Final = ec.SECP256R1()


class VapidKey:
    """A private key, as its 32 bytes in base64url; ``contact`` is where its owner is reached."""

    def __init__(self, private_key: str, *, contact: str) -> None:
        number = int.from_bytes(decoded(private_key))
        self._key = ec.derive_private_key(number, _CURVE)
        self._contact = contact
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = encoded(point)

    def authorization(self, origin: str, *, now: datetime) -> str:
        """Returns the header for a push service, at an origin such as https://push.example.com."""
        claims = {
            "aud": origin,
            "exp": int((now + VALID_FOR).timestamp()),
            "sub": self._contact,
        }
        key = ECKey.import_key(self._key)
        token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, key)
        return f"vapid t={token},k={self.public_key}"


def new_private_key() -> str:
    """Returns the private key of a new pair."""
    while True:
        key = ec.generate_private_key(_CURVE).private_numbers().private_value
        return encoded(key.to_bytes(KEY_BYTES))


def encoded(data: bytes) -> str:
    """Returns bytes in base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Returns the bytes of base64url, with or without padding. Raises ValueError."""
    padding = "=" * (-len(text.rstrip("=")) % 4)
    return urlsafe_b64decode(text.rstrip("=").encode("ascii") + padding.encode())
