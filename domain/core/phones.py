"""Phone numbers for search: by their digits, however they are formatted."""

import re
import unicodedata
from typing import Final

from babel.core import get_global
from phonenumbers import NumberParseException, PhoneNumber, is_valid_number, parse

_EXTENSION: Final = re.compile(r"(?:x|ext).*", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?:tel:)?[0-9 ()./+-]*", re.IGNORECASE)
_FEWEST_DIGITS: Final = 3
# What North America dials before a country code; others dial two zeros.
_DIALLED: Final = ("011", "")


def phone_digits(phone: str) -> str:
    """Returns the digits of a number, with the country code if it was given, as in E.164.

    Leading zeros, which are only dialled, and the extension are removed.
    """
    number = _international(_plain(phone))
    if number is not None:
        return _with_country_code(number)
    return _digits(_EXTENSION.sub("", _plain(phone)))


def digits_from(phone: str, country: str | None) -> str:
    """Returns the same of a number that is dialled in a country, with that country's code.

    Unless the number has a country code, or isn't possible there.
    """
    plain = _plain(phone)
    number = _international(plain) or _parsed(plain, country)
    return phone_digits(phone) if number is None else _with_country_code(number)


def country_of_zone(name: str) -> str | None:
    """Returns the country of a time zone, such as 'DE'; None if it belongs to none."""
    found: str | None = get_global("zone_territories").get(name)
    return found


def sought_digits(text: str) -> str | None:
    """Returns the digits to search for in those of a number; None for other text.

    The country code is removed, because some numbers are stored without it: also one without a
    plus sign, if it makes a number that exists.
    """
    plain = _plain(text)
    number = _international(plain)
    if number is not None:
        return str(number.national_number)
    plain = _EXTENSION.sub("", plain)
    if not _NUMBER.fullmatch(plain):
        return None
    digits = re.sub("[^0-9]", "", plain)
    for dialled in _DIALLED:
        if digits.startswith(dialled):
            number = _international(f"+{digits.removeprefix(dialled)}")
            if number is not None and is_valid_number(number):
                return str(number.national_number)
    digits = digits.lstrip("0")
    return digits if len(digits) >= _FEWEST_DIGITS else None


def _plain(text: str) -> str:
    """Returns a text with ASCII digits, hyphens and spaces, and without invisible characters."""
    letters = []
    for letter in text.strip():
        category = unicodedata.category(letter)
        if category == "Nd":
            letters.append(str(unicodedata.digit(letter)))
        elif category != "Cf":
            letters.append({"Pd": "-", "Zs": " "}.get(category, letter))
    return "".join(letters)


def _international(text: str) -> PhoneNumber | None:
    text = f"+{text[2:]}" if text.startswith("00") else text
    return _parsed(text, None) if text.startswith("+") else None


def _parsed(text: str, country: str | None) -> PhoneNumber | None:
    try:
        return parse(text, country)
    except NumberParseException:
        return None


def _with_country_code(number: PhoneNumber) -> str:
    return f"{number.country_code}{number.national_number}"


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text).lstrip("0")
