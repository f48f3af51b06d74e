"""The keys of a browser's push subscription (RFC 8291)."""

import binascii
from base64 import urlsafe_b64decode
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

AUTH_BYTES: Final = 16
POINT_BYTES: Final = 65
_TOO_LONG: Final = 200


def is_public_key(text: str) -> bool:
    """Returns whether a text is a point of the curve P-256, uncompressed, in base64url."""
    point = _decoded(text)
    if point is None:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    return len(point) == POINT_BYTES


def is_auth_secret(text: str) -> bool:
    """Returns whether a text is 16 bytes in base64url."""
    secret = _decoded(text)
    return secret is not None and len(secret) == AUTH_BYTES


def _decoded(text: str) -> bytes | None:
    if len(text) > _TOO_LONG or not text.isascii():
        return None
    bare = text.rstrip("=")
    try:
        return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return None
