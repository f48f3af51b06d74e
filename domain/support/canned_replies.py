"""Canned replies: texts with variables, ``{name}``, which are filled in when they are sent."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from domain.core.contact import name_refusals
from domain.core.refusals import Invalid, Refusal
from domain.support.tickets import text_refusals

MAX_REPLIES: Final = 200
"""The most canned replies of a venue."""
_BRACES: Final = re.compile(r"\{([^{}\n]*)\}")


class ReplyVariable(StrEnum):
    """A variable of a canned reply."""

    NAME = "name"
    FIRST_NAME = "first_name"
    VENUE = "venue"
    NUMBER = "number"
    SUBJECT = "subject"
    REFERENCE = "reference"


_LISTED: Final = ", ".join(f"{{{each}}}" for each in ReplyVariable)


def canned_refusals(title: str, text: str) -> Iterator[Refusal]:
    """Yields the reasons to refuse a canned reply with a tidy title."""
    yield from name_refusals(title, path=("title",))
    yield from text_refusals(text)
    known = {each.value for each in ReplyVariable}
    for name in dict.fromkeys(_BRACES.findall(text)):
        if name not in known:
            problem = f"There is no variable {{{name[:40]}}}; use {_LISTED}."
            yield Invalid(problem, path=("text",))


def filled(text: str, values: Mapping[ReplyVariable, str]) -> str:
    """Returns a text with its variables replaced; values are put in as they are."""
    return _BRACES.sub(lambda match: values.get(ReplyVariable(match[1]), ""), text)
