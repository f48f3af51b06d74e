"""Tags, by which a venue groups its customers: names that ignore case."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NewType

from domain.core.refusals import Invalid, LimitReached, Path, Refusal, Required
from domain.core.text import tidy_name

TagName = NewType("TagName", str)
"""A tag in the one form in which it is stored and compared: see ``tag_name``."""

MAX_TAGS: Final = 20
MAX_TAG_LENGTH: Final = 50


def tag_name(text: str) -> TagName:
    """Returns a tag in lower case, without surrounding and repeated space.

    The result is empty if nothing of it is visible.
    """
    return TagName(" ".join(unicodedata.normalize("NFC", tidy_name(text).lower()).split()))


def tag_refusals(names: Iterable[TagName], *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse tags, each with its place in the input."""
    for place, name in enumerate(names):
        if not name:
            yield Required(path=(*path, place))
        if len(name) > MAX_TAG_LENGTH:
            yield Invalid(f"At most {MAX_TAG_LENGTH} characters.", path=(*path, place))
        if any(unicodedata.category(letter) == "Cc" for letter in name):
            yield Invalid("A tag can't contain control characters.", path=(*path, place))


def with_tags(tags: Sequence[str], added: Iterable[TagName], *, path: Path) -> list[str]:
    """Returns a customer's tags and the added ones, sorted. Raises LimitReached for too many."""
    together = sorted({*tags, *added})
    if len(together) > MAX_TAGS:
        raise LimitReached("tags of the customer", limit=MAX_TAGS, used=len(together), path=path)
    return together
