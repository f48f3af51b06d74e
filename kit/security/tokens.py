"""Signed access tokens and links, and random secrets that name their tenant."""

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
# Separates this use of the installation's secret: no other use can sign a valid token.
_PURPOSE: Final = b"access tokens, version 1"
_RECIPIENT_PURPOSE: Final = b"links in notifications, version 1"
_RECIPIENT_AUDIENCE: Final = "boom-booking-recipient"
_CLAIMS: Final = frozenset({"iss", "aud", "sub", "tenant", "sid", "iat", "exp"})
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_LONGEST: Final = 2048


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of an access token."""

    tenant_id: UUID
    user_id: UUID
    session_id: UUID
    expires_at: datetime


class Tokens:
    """Signs and verifies access tokens; ``secret`` is the installation's, at least 32 bytes.

    Tokens that were signed with one of ``fallbacks`` are valid too.
    """

    def __init__(self, secret: bytes, *fallbacks: bytes) -> None:
        self._keys = _keys((secret, *fallbacks), _PURPOSE)

    def sign(
        self, *, tenant_id: UUID, user_id: UUID, session_id: UUID, now: datetime
    ) -> tuple[str, datetime]:
        """Returns a token for 15 minutes, and the instant at which it expires."""
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
        """Returns a token's claims. Raises Unauthenticated if it is invalid or expired."""
        if len(token) > _LONGEST:
            raise Unauthenticated("The access token is not valid.")
        try:
            payload = _claims(token, self._keys)
            if (
                payload["iss"] != _ISSUER
                or payload["aud"] != _AUDIENCE
                or payload.keys() != _CLAIMS
            ):
                raise ValueError
            if datetime.fromtimestamp(payload["iat"], UTC) > now + _CLOCKS_DIFFER:
                raise ValueError
            claims = Claims(
                tenant_id=UUID(payload["tenant"]),
                user_id=UUID(payload["sub"]),
                session_id=UUID(payload["sid"]),
                expires_at=datetime.fromtimestamp(payload["exp"], UTC),
            )
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, OSError) as error:
            raise Unauthenticated("The access token is not valid.") from error
        if claims.expires_at <= now:
            raise Unauthenticated("The access token has expired; refresh the session.")
        return claims


@dataclass(frozen=True, slots=True)
class TenantToken:
    """A secret that names its tenant, so that it can be found under row-level security.

    Written `<tenant>.<secret>`; only its hash is stored.
    """

    tenant_id: UUID
    secret: str = field(repr=False)

    @classmethod
    def new(cls, tenant_id: UUID) -> Self:
        return cls(tenant_id, secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parses a token from a caller; None if it is malformed."""
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
        # Unsalted and fast, which is safe for 256 random bits.
        return sha256(str(self).encode()).digest()

    def __str__(self) -> str:
        return f"{self.tenant_id.hex}.{self.secret}"


class KeyToken(TenantToken):
    """The secret of an API key: `boom_<tenant>_<secret>`, which secret scanners recognize."""

    __slots__ = ()

    MARK: ClassVar = "boom_"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        mark, tenant, secret = text[:5], text[5:37], text[38:]
        return cls._read(text, tenant, secret) if mark == cls.MARK else None

    @property
    def prefix(self) -> str:
        """The part that may be shown, to distinguish keys."""
        return f"{self.MARK}{self.tenant_id.hex}_{self.secret[:SHOWN_LETTERS]}"

    def __str__(self) -> str:
        return f"{self.MARK}{self.tenant_id.hex}_{self.secret}"


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """The secret of an operator of the platform: `boom_platform_<secret>`; it has no tenant."""

    secret: str = field(repr=False)

    MARK: ClassVar = "boom_platform_"

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parses a key from a caller; None if it is malformed."""
        is_key = text.startswith(cls.MARK) and text.isascii()
        return cls(text.removeprefix(cls.MARK)) if is_key else None

    @property
    def hash(self) -> bytes:
        # Unsalted and fast, which is safe for 256 random bits.
        return sha256(str(self).encode()).digest()

    def __str__(self) -> str:
        return f"{self.MARK}{self.secret}"


@dataclass(frozen=True, slots=True)
class Link:
    """A link to one object of a tenant, which its bearer may see and change.

    The object has the valid ``version`` of its links; all others are revoked. If ``is_mailed``, the
    link was only sent by mail, so that its bearer has access to that mailbox.
    """

    tenant_id: UUID
    subject_id: UUID
    version: int = 1
    is_mailed: bool = False


class Links:
    """Signs and verifies links to one object, which itself has their expiry.

    Links that were signed with one of ``fallbacks`` are valid too, because mails contain them.
    """

    PURPOSE: ClassVar = b"links to one object, version 1"
    AUDIENCE: ClassVar = "boom-booking-link"

    def __init__(self, secret: bytes, *fallbacks: bytes) -> None:
        self._keys = _keys((secret, *fallbacks), self.PURPOSE)

    def sign(self, link: Link) -> str:
        claims = {
            "iss": _ISSUER,
            "aud": self.AUDIENCE,
            "sub": str(link.subject_id),
            "tenant": str(link.tenant_id),
            "ver": link.version,
            **({"mailed": True} if link.is_mailed else {}),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._keys[0])

    def read(self, text: str) -> Link | None:
        """Returns the link; None if it is invalid."""
        if len(text) > _LONGEST:
            return None
        try:
            payload = _claims(text, self._keys)
            if payload["iss"] != _ISSUER or payload["aud"] != self.AUDIENCE:
                return None
            # The first links had no version.
            return Link(
                UUID(payload["tenant"]),
                UUID(payload["sub"]),
                int(payload.get("ver", 1)),
                payload.get("mailed") is True,
            )
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            return None


class TicketLinks(Links):
    """Signs and verifies links to support tickets, which are sent by mail."""

    PURPOSE: ClassVar = b"links to tickets, version 1"
    AUDIENCE: ClassVar = "boom-booking-ticket"


@dataclass(frozen=True, slots=True)
class FileLink:
    """A link to one file of a tenant, which its bearer may use until it expires."""

    tenant_id: UUID
    subject_id: UUID
    expires_at: datetime


class Downloads:
    """Signs and verifies links to files, for as long as these are stored."""

    PURPOSE: ClassVar = b"links to downloads, version 1"
    AUDIENCE: ClassVar = "boom-booking-download"

    def __init__(self, secret: bytes, *fallbacks: bytes) -> None:
        self._keys = _keys((secret, *fallbacks), self.PURPOSE)

    def sign(self, link: FileLink) -> str:
        """Returns the text of a link, always the same."""
        claims = {
            "iss": _ISSUER,
            "aud": self.AUDIENCE,
            "sub": str(link.subject_id),
            "tenant": str(link.tenant_id),
            "exp": int(link.expires_at.timestamp()),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._keys[0])

    def read(self, text: str) -> FileLink | None:
        """Returns the link, even if it has expired; None if it is invalid."""
        if len(text) > _LONGEST:
            return None
        try:
            payload = _claims(text, self._keys)
            if payload["iss"] != _ISSUER or payload["aud"] != self.AUDIENCE:
                return None
            return FileLink(
                UUID(payload["tenant"]),
                UUID(payload["sub"]),
                datetime.fromtimestamp(payload["exp"], UTC),
            )
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError):
            return None


class Uploads(Downloads):
    """Signs and verifies links to which files are uploaded."""

    PURPOSE: ClassVar = b"links to uploads, version 1"
    AUDIENCE: ClassVar = "boom-booking-upload"


@dataclass(frozen=True, slots=True)
class RecipientLink:
    """A link in a notification, whose bearer may choose what its recipient gets, and nothing else.

    It doesn't expire: the notification may be read at any time.
    """

    tenant_id: UUID
    recipient_id: UUID
    is_customer: bool
    kind: str
    channel: str


class RecipientLinks:
    """Signs and verifies the links in notifications."""

    def __init__(self, secret: bytes, *fallbacks: bytes) -> None:
        self._keys = _keys((secret, *fallbacks), _RECIPIENT_PURPOSE)

    def sign(self, link: RecipientLink) -> str:
        claims = {
            "iss": _ISSUER,
            "aud": _RECIPIENT_AUDIENCE,
            "sub": str(link.recipient_id),
            "tenant": str(link.tenant_id),
            "customer": link.is_customer,
            "kind": link.kind,
            "channel": link.channel,
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._keys[0])

    def read(self, text: str) -> RecipientLink | None:
        """Returns the link; None if it is invalid."""
        if len(text) > _LONGEST:
            return None
        try:
            payload = _claims(text, self._keys)
            if payload["iss"] != _ISSUER or payload["aud"] != _RECIPIENT_AUDIENCE:
                return None
            return RecipientLink(
                UUID(payload["tenant"]),
                UUID(payload["sub"]),
                payload["customer"] is True,
                str(payload["kind"]),
                str(payload["channel"]),
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
