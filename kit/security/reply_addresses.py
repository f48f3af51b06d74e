"""Signed e-mail addresses to which answers are sent, each for one numbered object of a tenant."""

import hmac
import re
from base64 import b32decode, b32encode
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_PURPOSE: Final = b"reply addresses, version 1"
_NUMBER_BYTES: Final = 4
_TAG_BYTES: Final = 10
"""So that the part before the @ stays below 64 characters (RFC 5321, 4.5.3.1.1)."""
_LOCAL: Final = re.compile(r"reply\+([a-z2-7]{48})")


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """What an answer is about: the object of a tenant with this number."""

    tenant_id: UUID
    number: int


class ReplyAddresses:
    """Signs and verifies addresses at a domain; without a domain there are none.

    Those that were signed with one of ``fallbacks`` are valid too, because people answer old mails.
    """

    def __init__(self, domain: str | None, secret: bytes, *fallbacks: bytes) -> None:
        self.domain = domain
        self._keys = [hmac.digest(each, _PURPOSE, "sha256") for each in (secret, *fallbacks)]

    def sign(self, to: ReplyTo) -> str | None:
        """Returns the address, always the same; None without a domain."""
        if self.domain is None:
            return None
        content = to.tenant_id.bytes + to.number.to_bytes(_NUMBER_BYTES)
        written = b32encode(content + _tag(self._keys[0], content)).decode().lower()
        return f"reply+{written}@{self.domain}"

    def read(self, address: str) -> ReplyTo | None:
        """Returns what an address is about; None if it is none of ours. Case doesn't matter."""
        local, _, domain = address.strip().lower().rpartition("@")
        match = _LOCAL.fullmatch(local)
        if match is None or self.domain is None or domain != self.domain.lower():
            return None
        # 48 letters of base32 are 30 bytes, without a rest.
        read = b32decode(match[1].upper())
        content, tag = read[:-_TAG_BYTES], read[-_TAG_BYTES:]
        if not any(hmac.compare_digest(tag, _tag(key, content)) for key in self._keys):
            return None
        number = int.from_bytes(content[-_NUMBER_BYTES:])
        return ReplyTo(UUID(bytes=content[:-_NUMBER_BYTES]), number)


def _tag(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")[:_TAG_BYTES]
