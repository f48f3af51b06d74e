"""Validates customers: name, address, phone, language and notes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from babel.localedata import exists

from domain.core.contact import email_refusals, name_refusals
from domain.core.ids import CustomerId
from domain.core.refusals import Invalid, Path, Refusal
from domain.core.text import tidy_name

MAX_NOTES_LENGTH = 2000

_PHONE = re.compile(r"[+(]?[0-9][0-9 ()./-]{2,30}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?")
# RFC 5646: a language, perhaps a script, perhaps a region.
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?")


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """The fields of a new customer."""

    name: str
    email: str | None = None
    phone: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerChoice:
    """Exactly one of an existing customer and a new one."""

    id: CustomerId | None = None
    new: NewCustomer | None = None


def tidy(text: str | None) -> str | None:
    """Returns text without surrounding space; None if nothing is visible, as in an empty field."""
    return tidy_name(text or "") or None


def refusals(
    *,
    name: str,
    email: str | None,
    phone: str | None,
    locale: str | None,
    notes: str | None = None,
    path: Path = (),
) -> Iterator[Refusal]:
    """Yields the reasons to refuse a customer's tidy fields."""
    yield from name_refusals(name, path=(*path, "name"))
    if email is not None:
        yield from email_refusals(email, path=(*path, "email"))
    if phone is not None and not _PHONE.fullmatch(phone):
        yield Invalid("A phone number must look like '+1 212 555 0100'.", path=(*path, "phone"))
    if locale is not None and not is_locale(locale):
        yield Invalid("A locale must be a language tag such as 'en-US'.", path=(*path, "locale"))
    if notes is not None and len(notes) > MAX_NOTES_LENGTH:
        yield Invalid(f"At most {MAX_NOTES_LENGTH:,} characters.", path=(*path, "notes"))


def is_locale(tag: str) -> bool:
    """Returns whether a text is a language tag (RFC 5646) of a language in CLDR."""
    match = _LOCALE.fullmatch(tag)
    return match is not None and exists(match[1].lower())
