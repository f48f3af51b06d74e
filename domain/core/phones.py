"""Phone numbers for search: by their digits, however they are formatted."""

import re
from typing import Final

from phonenumbers import NumberParseException, PhoneNumber, parse

_EXTENSION: Final = re.compile(r"(?:x|ext).*", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9 ()./+-]*")
_FEWEST_DIGITS: Final = 3


def phone_digits(phone: str) -> str:
    """Returns the digits of a number, with the country code if it was given, as in E.164.

    Leading zeros, which are only dialled, and the extension are removed.
    """
    number = _international(phone)
    if number is not None:
        return f"{number.country_code}{number.national_number}"
    return _digits(_EXTENSION.sub("", phone))


def sought_digits(text: str) -> str | None:
    """Returns the digits to search for in those of a number; None for other text.

    The country code is removed, because some numbers are stored without it.
    """
    number = _international(text)
    if number is not None:
        return str(number.national_number)
    digits = _digits(text) if _NUMBER.fullmatch(text) else ""
    return digits if len(digits) >= _FEWEST_DIGITS else None


def _international(text: str) -> PhoneNumber | None:
    text = text.strip()
    text = f"+{text[2:]}" if text.startswith("00") else text
    if not text.startswith("+"):
        return None
    try:
        return parse(text)
    except NumberParseException:
        return None


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text).lstrip("0")
