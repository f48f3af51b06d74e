"""Who may be a user, and how their e-mail address and password are accepted."""

import re
import unicodedata
from enum import StrEnum

MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 256


class Role(StrEnum):
    """What a user is in their tenant, from the most trusted down."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    STAFF = "STAFF"
    CUSTOMER = "CUSTOMER"


_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)*")


def normalised_email(text: str) -> str | None:
    """The form under which an address is found again; None for what is no address.

    Case and surrounding space make no difference. At most 254 characters (RFC 5321).
    """
    email = unicodedata.normalize("NFC", text.strip()).casefold()
    return email if len(email) <= 254 and _EMAIL.fullmatch(email) else None
