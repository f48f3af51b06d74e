"""Opaque ids: base64 of `Type:uuid`. One that can't be read is an id that nobody has."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from uuid import UUID

from kit.ids import NOBODY


def encode_id(type_name: str, id: UUID) -> str:
    return b64encode(f"{type_name}:{id}".encode()).decode()


def read_id(text: str) -> tuple[str, UUID]:
    """The type and the uuid of an id; ("", NOBODY) when it is not one of ours."""
    try:
        type_name, _, digits = b64decode(text, validate=True).decode("ascii").partition(":")
        id = UUID(digits)
    except (NotBase64, ValueError):
        return "", NOBODY
    return (type_name, id) if encode_id(type_name, id) == text else ("", NOBODY)


def decode_id(type_name: str, text: str) -> UUID:
    """The uuid of an id of this type; NOBODY for anything else."""
    found, id = read_id(text)
    return id if found == type_name else NOBODY
