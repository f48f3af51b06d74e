"""Takes contact data out of texts before they are stored."""

import re
from typing import Final

EMAIL: Final = "[e-mail]"
PHONE: Final = "[phone]"
MIN_DIGITS: Final = 9
"""How many digits a number without a country code must have to be taken for a phone number."""

_EMAIL: Final = re.compile(r"[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+")
# A number with a country code, or one that begins with 0 or an area code in parentheses; and US
# numbers in their usual groups. Dates and times have other signs between their digits.
_PHONE: Final = re.compile(
    r"(?<![\w/:+])(?:\+\d|00[1-9]|\(\d{2,5}\)|0\d)[\d ()/.-]{5,}\d(?![\w:])"
    r"|(?<![\w/:+-])\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w:-])"
)


def redacted(text: str) -> str:
    """Returns a text with e-mail addresses and phone numbers replaced by what they are."""
    return _PHONE.sub(_phone, _EMAIL.sub(EMAIL, text))


def _phone(found: re.Match[str]) -> str:
    digits = sum(map(str.isdigit, found[0]))
    is_international = found[0].startswith(("+", "00"))
    return PHONE if is_international or digits >= MIN_DIGITS else found[0]
