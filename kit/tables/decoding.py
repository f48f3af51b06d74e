"""Turns the bytes of a file into text, whichever program has written them."""

import codecs
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 1_000
# What spreadsheets and archives begin with.
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class UnreadableFile(Exception):
    """The file can't be read; the message is for the person who has it."""


def decoded(content: bytes) -> str:
    """Returns the text of a file in UTF-8, UTF-16 or, if it is neither, in Windows-1252.

    Raises UnreadableFile if it is no text.
    """
    if content.startswith(_WORKBOOKS):
        raise UnreadableFile("This is a workbook or an archive. Save it as CSV, and upload that.")
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError:
        raise UnreadableFile("The file is not text in UTF-8, UTF-16 or Windows-1252.") from None
    if "\0" in text:
        raise UnreadableFile("The file is not text: it has zero bytes.")
    if not text.strip():
        raise UnreadableFile("The file is empty.")
    return text


def _encoding(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    # Without a mark, every other byte of UTF-16 in Latin letters is zero.
    sample = content[:_SAMPLE]
    low, high = sample[0::2].count(0), sample[1::2].count(0)
    if high > len(sample) // 4 and high > low:
        return "utf-16-le"
    if low > len(sample) // 4:
        return "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
