"""Byte ranges of HTTP downloads (RFC 9110, 14), so that an interrupted one can be resumed."""

import re
from dataclasses import dataclass
from typing import Final

# One range; digits are bounded, so that a huge number costs nothing.
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes of a file from ``start`` until ``end``, which is not in."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The range begins after the end of the file."""


def range_of(header: str | None, *, size: int) -> ByteRange | None:
    """Returns the range that a `Range` header asks for; None for the whole file.

    Headers that are malformed, of other units or with several ranges count as none, as the standard
    allows. Raises Unsatisfiable.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None or match[1] == match[2] == "":
        return None
    first, last = match[1], match[2]
    if first == "":
        # The last so many bytes.
        length = int(last)
        if length == 0 or size == 0:
            raise Unsatisfiable
        return ByteRange(max(0, size - length), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return ByteRange(start, min(int(last) + 1, size) if last else size)


def matches(header: str, etag: str) -> bool:
    """Returns whether an `If-None-Match` header names the file, by weak comparison."""
    tags = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in tags or etag in tags
