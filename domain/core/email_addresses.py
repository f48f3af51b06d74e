"""E-mail addresses: one addr-spec each, and the key under which its person is found again."""

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from domain.core.text import is_invisible


@dataclass(frozen=True, slots=True)
class MailAddress:
    """An address with its domain as A-labels (IDNA 2008), which every mail server takes.

    ``local`` is as it was given: only the server that it belongs to knows what it means.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """The same for all ways to write the address of one person, and for nobody else's.

        In lower case, but not case-folded: strasse.de and straße.de belong to two people.
        """
        return f"{unicodedata.normalize('NFC', self.local.lower())}@{self.domain}"


def mail_address(text: str) -> MailAddress | None:
    """Read an address, surrounding space left out; None for what isn't exactly one.

    No display name, comment, quotes or brackets, nothing that can't be seen; the domain has a dot.
    Whether it exists is not asked.
    """
    text = text.strip()
    if any(map(is_invisible, text)):
        return None
    try:
        # `test_environment` lets the domain .test pass; `strict` holds to 64 characters before @.
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return None
    assert found.ascii_domain is not None, "only a quoted address has none"
    return MailAddress(text.rpartition("@")[0], found.ascii_domain)
