"""What becomes of the fields of two customers that are merged, and how that is undone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from domain.core.refusals import Invalid
from domain.customers.customers import MAX_NOTES_LENGTH
from domain.customers.tags import TagName, with_tags

UNDONE_WITHIN: Final = timedelta(days=1)
MAX_MOVED_BOOKINGS: Final = 2_000
_FILLED: Final = ("email", "phone", "locale")


@dataclass(frozen=True, slots=True)
class Details:
    """The fields of a customer that a merge may change."""

    email: str | None
    phone: str | None
    locale: str | None
    notes: str | None
    tags: Sequence[str]

    @classmethod
    def of(cls, row: Any) -> Self:
        """Returns the fields of a row."""
        return cls(row.email, row.phone, row.locale, row.notes, list(row.tags))


def merged(kept: Details, other: Details) -> Details:
    """Returns the fields of a customer together with those of another.

    What the kept one has stays; what is missing is taken from the other. Tags are united, and notes
    follow each other. Raises LimitReached for too many tags, and Invalid for too long notes.
    """
    notes = "\n\n".join(each for each in (kept.notes, other.notes) if each)
    if len(notes) > MAX_NOTES_LENGTH:
        raise Invalid(
            f"Together, the notes have {len(notes):,} characters, and at most "
            f"{MAX_NOTES_LENGTH:,} are allowed; shorten them first."
        )
    return Details(
        email=kept.email or other.email,
        phone=kept.phone or other.phone,
        locale=kept.locale or other.locale,
        notes=notes or None,
        tags=with_tags(kept.tags, map(TagName, other.tags), path=()),
    )


def unmerged(now: Details, *, before: Details, after: Details) -> Details:
    """Returns the fields without what a merge has changed from ``before`` to ``after``.

    What was changed since then stays as it is.
    """
    added = {*after.tags} - {*before.tags}
    fields = {
        name: getattr(before if getattr(now, name) == getattr(after, name) else now, name)
        for name in (*_FILLED, "notes")
    }
    return Details(**fields, tags=[each for each in now.tags if each not in added])
