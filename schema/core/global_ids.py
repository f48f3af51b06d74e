"""Opaque ids: base64 of `Type:uuid`; a malformed id is treated as one that doesn't exist."""

import re
from base64 import b64encode
from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from typing import Final
from uuid import UUID

from kit.ids import NOBODY

# Python reads a uuid in other ways, too.
_DIGITS: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


MAX_LENGTH: Final = 128
"""The maximum length of a text that is decoded; ids have at most about 90 characters."""


def encode_id(type_name: str, id: UUID) -> str:
    return b64encode(f"{type_name}:{id}".encode()).decode()


def read_id(text: str) -> tuple[str, UUID]:
    """Returns the type and the uuid of an id; ("", NOBODY) if it is malformed."""
    return _read_id(text) if len(text) <= MAX_LENGTH else ("", NOBODY)


# Clients send the ids of a venue's rooms again and again.
@lru_cache(10_000)
def _read_id(text: str) -> tuple[str, UUID]:
    try:
        written = a2b_base64(text, strict_mode=True)
        type_name, _, digits = written.decode("ascii").partition(":")
    except ValueError:
        return "", NOBODY
    # Of the ways to write the same id only ours counts.
    if not _DIGITS.fullmatch(digits) or b2a_base64(written, newline=False) != text.encode():
        return "", NOBODY
    return type_name, UUID(digits)


def decode_id(type_name: str, text: str) -> UUID:
    """Returns the uuid of an id of this type; NOBODY for any other text."""
    found, id = read_id(text)
    return id if found == type_name else NOBODY
