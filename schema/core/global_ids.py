"""Opaque ids: base64 of `Type:uuid`. One that can't be read is an id that nobody has."""

import re
from base64 import b64encode
from binascii import a2b_base64, b2a_base64
from typing import Final
from uuid import UUID

from kit.ids import NOBODY

# Python reads a uuid in other ways, too.
_DIGITS: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def encode_id(type_name: str, id: UUID) -> str:
    return b64encode(f"{type_name}:{id}".encode()).decode()


def read_id(text: str) -> tuple[str, UUID]:
    """The type and the uuid of an id; ("", NOBODY) when it is not one of ours."""
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
    """The uuid of an id of this type; NOBODY for anything else."""
    found, id = read_id(text)
    return id if found == type_name else NOBODY
