"""Opaque ids: base64 of `Type:uuid`. One that can't be read is an id that nobody has."""

from base64 import b64encode
from binascii import a2b_base64, b2a_base64
from uuid import UUID

from kit.ids import NOBODY


def encode_id(type_name: str, id: UUID) -> str:
    return b64encode(f"{type_name}:{id}".encode()).decode()


def read_id(text: str) -> tuple[str, UUID]:
    """The type and the uuid of an id; ("", NOBODY) when it is not one of ours."""
    try:
        written = a2b_base64(text, strict_mode=True)
        type_name, _, digits = written.decode("ascii").partition(":")
        id = UUID(digits)
    except ValueError:
        return "", NOBODY
    # Of the ways to write the same id only ours counts.
    is_ours = str(id) == digits and b2a_base64(written, newline=False) == text.encode()
    return (type_name, id) if is_ours else ("", NOBODY)


def decode_id(type_name: str, text: str) -> UUID:
    """The uuid of an id of this type; NOBODY for anything else."""
    found, id = read_id(text)
    return id if found == type_name else NOBODY
