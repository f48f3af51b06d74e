"""How an SMS is encoded and counted, by 3GPP TS 23.038: in GSM-7 if possible, else in UCS-2.

A message that doesn't fit one SMS is sent in segments, each of which has less room for its header.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""The characters that take two places: an escape, and their own."""

_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2009\u202f\u2007", " "),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u2018\u2019\u201a\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        "\u2026": "...",
        "\u00b7": "-",
    }
)


class SmsEncoding(StrEnum):
    """The encoding of an SMS."""

    GSM_7 = "GSM_7"
    UCS_2 = "UCS_2"


_ROOM: Final = {SmsEncoding.GSM_7: (160, 153), SmsEncoding.UCS_2: (70, 67)}
"""How much fits an SMS, and each segment of several."""


@dataclass(frozen=True, slots=True)
class SmsLength:
    """How long an SMS is: ``units`` of its encoding, in so many ``segments``, each of which costs.

    ``units_left`` is how much more fits the last segment.
    """

    encoding: SmsEncoding
    units: int
    segments: int
    units_left: int


def sms_length(text: str) -> SmsLength:
    """Counts a text as it is sent."""
    is_gsm = all(each in _BASIC or each in _EXTENSION for each in text)
    encoding = SmsEncoding.GSM_7 if is_gsm else SmsEncoding.UCS_2
    sizes = [_units(each, encoding) for each in text]
    alone, joined = _ROOM[encoding]
    if sum(sizes) <= alone:
        return SmsLength(encoding, sum(sizes), 1, alone - sum(sizes))
    segments, filled = 1, 0
    for size in sizes:
        # A character of two units isn't divided between segments.
        if filled + size > joined:
            segments, filled = segments + 1, 0
        filled += size
    return SmsLength(encoding, sum(sizes), segments, joined - filled)


def sms_text(text: str) -> str:
    """Returns a text with typographic spaces, dashes and quotes replaced by those of GSM-7.

    One of them more than halves what fits an SMS.
    """
    return text.translate(_PLAIN)


def in_gsm(text: str) -> str:
    """Returns a text whose letters have no accents that GSM-7 lacks: 'sab', 'aout'.

    For the names of days and months, not for those of people.
    """
    return "".join(each if each in _BASIC else _without_accents(each) for each in text)


def _units(character: str, encoding: SmsEncoding) -> int:
    if encoding is SmsEncoding.GSM_7:
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _without_accents(character: str) -> str:
    return "".join(
        each for each in unicodedata.normalize("NFD", character) if not unicodedata.combining(each)
    )
