"""E-mail addresses: a single addr-spec, and the key by which it is looked up."""

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from domain.core.text import is_invisible


@dataclass(frozen=True, slots=True)
class MailAddress:
    """An address with its domain as A-labels (IDNA 2008), which every mail server accepts.

    ``local`` is unchanged: only the server of the domain can interpret it.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """The key that all spellings of one person's address share.

        In lower case, but not case-folded: strasse.de and straße.de belong to two people.
        """
        return f"{unicodedata.normalize('NFC', self.local.lower())}@{self.domain}"


def mail_address(text: str) -> MailAddress | None:
    """Parses exactly one address, ignoring surrounding space; None if it isn't one.

    It has no display name, comment, quotes, brackets or invisible characters, and the domain has a
    dot. Doesn't check whether the address exists.
    """
    text = text.strip()
    if any(map(is_invisible, text)):
        return None
    try:
        # `test_environment` accepts the domain .test; `strict` limits the part before @ to 64.
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return None
    assert found.ascii_domain is not None, "only a quoted address has none"
    return MailAddress(text.rpartition("@")[0], found.ascii_domain)
