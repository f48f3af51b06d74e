"""Validates names and e-mail addresses, and normalises addresses."""

import unicodedata
from collections.abc import Iterator

from domain.core.email_addresses import mail_address
from domain.core.refusals import Invalid, Path, Refusal, Required

MAX_NAME_LENGTH = 100


def normalised_email(text: str) -> str | None:
    """Returns the key by which an address is looked up; None if it isn't an address."""
    address = mail_address(text)
    return None if address is None else address.key


def name_refusals(name: str, *, path: Path, most: int = MAX_NAME_LENGTH) -> Iterator[Refusal]:
    """Yields the reasons to refuse the tidy name of a person, a business or a thing."""
    if not name:
        yield Required(path=path)
    if len(name) > most:
        yield Invalid(f"At most {most} characters.", path=path)
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in name):
        yield Invalid("A name must be one line of text.", path=path)


def email_refusals(email: str, *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse an e-mail address."""
    if not email.strip():
        yield Required(path=path)
    elif normalised_email(email) is None:
        yield Invalid("This is not an e-mail address such as 'ann@example.com'.", path=path)
