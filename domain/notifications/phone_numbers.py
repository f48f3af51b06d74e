"""Phone numbers to send to."""

from babel.core import get_global
from phonenumbers import (
    NumberParseException,
    PhoneNumberFormat,
    format_number,
    is_valid_number,
    parse,
)


def e164(phone: str, *, time_zone: str) -> str | None:
    """Returns a number in E.164, such as '+12125550100'; None if there is no such number.

    One without a country code is read as in the country of the venue's time zone.
    """
    try:
        number = parse(phone, get_global("zone_territories").get(time_zone))
    except NumberParseException:
        return None
    # An extension can't be dialled by an SMS.
    if not is_valid_number(number) or number.extension:
        return None
    return format_number(number, PhoneNumberFormat.E164)
