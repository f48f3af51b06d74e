"""What proves who calls: signed access tokens and links, and secrets that name their tenant."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar, Final, Self
from uuid import UUID

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import OctKey

from kit.errors import Unauthenticated

ACCESS_TOKEN_LIFETIME: Final = timedelta(minutes=15)
SECRET_BYTES: Final = 32
SHOWN_LETTERS: Final = 6

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "boom-booking"
_AUDIENCE: Final = "boom-booking-api"
# So that no other use of the installation's secret can ever sign what passes as such a token.
_PURPOSE: Final = b"access tokens, version 1"
_LINK_PURPOSE: Final = b"links to one object, version 1"
_LINK_AUDIENCE: Final = "boom-booking-link"
_CLAIMS: Final = frozenset({"iss", "aud", "sub", "tenant", "sid", "iat", "exp"})
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_LONGEST: Final = 2048


@dataclass(frozen=True, slots=True)
class Claims:
    """Who an access token says its bearer is, and until when."""

    tenant_id: UUID
    user_id: UUID
    session_id: UUID
    expires_at: datetime


class Tokens:
    """Signs and reads access tokens; ``secret`` is the installation's, at least 32 bytes.

    What is signed with one of ``fallbacks`` is read as well.
    """

    def __init__(self, secret: bytes, *fallbacks: bytes) -> None:
        self._keys = _keys((secret, *fallbacks), _PURPOSE)

    def sign(
        self, *, tenant_id: UUID, user_id: UUID, session_id: UUID, now: datetime
    ) -> tuple[str, datetime]:
        """A token for 15 minutes, and the instant from which it is refused."""
        expires = int((now + ACCESS_TOKEN_LIFETIME).timestamp())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": str(user_id),
            "tenant": str(tenant_id),
            "sid": str(session_id),
            "iat": int(now.timestamp()),
            "exp": expires,
        }
        token = jwt.encode({"alg": _ALGORITHM}, claims, self._keys[0])
        return token, datetime.fromtimestamp(expires, UTC)

    def read(self, token: str, *, now: datetime) -> Claims:
        """What a token says. Raises Unauthenticated for one that is not ours, or has expired."""
        if len(token) > _LONGEST:
            raise Unauthenticated("The access token is not valid.")
        try:
            told = _claims(token, self._keys)
            if told["iss"] != _ISSUER or told["aud"] != _AUDIENCE or told.keys() != _CLAIMS:
                raise ValueError
            if datetime.fromtimestamp(told["iat"], UTC) > now + _CLOCKS_DIFFER:
                raise ValueError
            claims = Claims(
                tenant_id=UUID(told["tenant"]),
                user_id=UUID(told["sub"]),
                session_id=UUID(told["sid"]),
                expires_at=datetime.fromtimestamp(told["exp"], UTC),
            )
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, OSError) as error:
            raise Unauthenticated("The access token is not valid.") from error
        if claims.expires_at <= now:
            raise Unauthenticated("The access token has expired; refresh the session.")
        return claims


@dataclass(frozen=True, slots=True)
class TenantToken:
    """A secret that names its tenant, so that it is found behind row-level security.

    Written `<tenant>.<secret>`; only its hash is stored.
    """

    tenant_id: UUID
    secret: str = field(repr=False)

    @classmethod
    def new(cls, tenant_id: UUID) -> Self:
        return cls(tenant_id, secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read one that a caller gave; None for what can't be one."""
        tenant, _, secret = text.partition(".")
        return cls._read(text, tenant, secret)

    @classmethod
    def _read(cls, text: str, tenant: str, secret: str) -> Self | None:
        try:
            read = cls(UUID(hex=tenant), secret)
        except ValueError:
            return None
        return read if str(read) == text and secret.isascii() else None

    @property
    def hash(self) -> bytes:
        # Unsalted and fast: nobody guesses 256 random bits.
        return sha256(str(self).encode()).digest()

    def __str__(self) -> str:
        return f"{self.tenant_id.hex}.{self.secret}"


class KeyToken(TenantToken):
    """The secret of an API key: `boom_<tenant>_<secret>`, so that it is known where it leaks."""

    __slots__ = ()

    MARK: ClassVar = "boom_"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        mark, tenant, secret = text[:5], text[5:37], text[38:]
        return cls._read(text, tenant, secret) if mark == cls.MARK else None

    @property
    def prefix(self) -> str:
        """What may be shown of it, for people to tell keys apart."""
        return f"{self.MARK}{self.tenant_id.hex}_{self.secret[:SHOWN_LETTERS]}"

    def __str__(self) -> str:
        return f"{self.MARK}{self.tenant_id.hex}_{self.secret}"


@dataclass(frozen=True, slots=True)
class Link:
    """The one object of a tenant that the bearer of a signed link may see and change.

    The object says which ``version`` of its links is good; all others are revoked.
    ``is_mailed``: it was given to nobody but by mail, so that its bearer reads that mail.
    """

    tenant_id: UUID
    subject_id: UUID
    version: int = 1
    is_mailed: bool = False


class Links:
    """Signs and reads links to one object; until when one is good, the object itself says.

    Links that are signed with one of ``fallbacks`` are read as well: they lie in people's mail.
    """

    def __init__(self, secret: bytes, *fallbacks: bytes) -> None:
        self._keys = _keys((secret, *fallbacks), _LINK_PURPOSE)

    def sign(self, link: Link) -> str:
        claims = {
            "iss": _ISSUER,
            "aud": _LINK_AUDIENCE,
            "sub": str(link.subject_id),
            "tenant": str(link.tenant_id),
            "ver": link.version,
            **({"mailed": True} if link.is_mailed else {}),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._keys[0])

    def read(self, text: str) -> Link | None:
        """What a link says; None for one that is not ours."""
        if len(text) > _LONGEST:
            return None
        try:
            told = _claims(text, self._keys)
            if told["iss"] != _ISSUER or told["aud"] != _LINK_AUDIENCE:
                return None
            # The first links said nothing of a version.
            return Link(
                UUID(told["tenant"]),
                UUID(told["sub"]),
                int(told.get("ver", 1)),
                told.get("mailed") is True,
            )
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            return None


def _keys(of: Sequence[bytes], purpose: bytes) -> list[OctKey]:
    return [OctKey.import_key(hmac.digest(each, purpose, "sha256")) for each in of]


def _claims(token: str, keys: Sequence[OctKey]) -> dict[str, Any]:
    """What a token says that one of the keys has signed. Raises JoseError and ValueError."""
    for key in keys[:-1]:
        try:
            return jwt.decode(token, key, algorithms=[_ALGORITHM]).claims
        except BadSignatureError:
            continue
    return jwt.decode(token, keys[-1], algorithms=[_ALGORITHM]).claims
