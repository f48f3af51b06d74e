"""Templates of notifications: plain text with variables, ``{name}``.

They can't do more than that: nothing in a template is executed, and no markup passes through.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from domain.core.refusals import Invalid, Path, Refusal, Required
from domain.core.text import LongText
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.variables import Variable, variables_of

MAX_SUBJECT: Final = 150
MAX_BODY: Final[Mapping[Channel, int]] = {
    Channel.EMAIL: 5_000,
    Channel.SMS: 600,
    Channel.PUSH: 300,
    Channel.IN_APP: 1_000,
}
"""The most characters of a template's body."""

_BRACES: Final = re.compile(r"\{([^{}\n]*)\}")
_BLANK_LINES: Final = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a kind for a channel in a language; only an SMS has no subject.

    The subject is the title of push messages and of entries of the inbox.
    """

    subject: str | None
    body: str


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A text of a venue's that isn't saved."""

    body: LongText
    subject: str | None = None

    @property
    def template(self) -> Template:
        return Template(self.subject, self.body.strip())


def filled(text: str, values: Mapping[Variable, str]) -> str:
    """Returns a text with its variables replaced.

    A line all of whose variables are empty is left out. Values are put in as they are: what looks
    like a variable in one stays as it is.
    """
    lines = (_filled_line(line, values) for line in text.strip().split("\n"))
    kept = "\n".join(line for line in lines if line is not None)
    return _BLANK_LINES.sub("\n\n", kept).strip()


def one_line(text: str) -> str:
    """Returns a text without line breaks and other invisible characters, for a subject."""
    visible = (" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    return " ".join("".join(visible).split())


def template_refusals(
    kind: NotificationKind, channel: Channel, template: Template
) -> Iterator[Refusal]:
    """Yields what is wrong with a venue's template, at its ``subject`` and its ``body``."""
    subject, body = template.subject, template.body
    if channel is Channel.SMS:
        if subject is not None:
            yield Invalid("An SMS has no subject.", path=("subject",))
    elif subject is None or not one_line(subject):
        yield Required(path=("subject",))
    elif len(subject) > MAX_SUBJECT:
        yield Invalid(f"At most {MAX_SUBJECT} characters.", path=("subject",))
    elif "\n" in subject or "\r" in subject:
        yield Invalid("A subject has one line.", path=("subject",))
    if not one_line(body):
        yield Required(path=("body",))
    elif len(body) > MAX_BODY[channel]:
        yield Invalid(f"At most {MAX_BODY[channel]:,} characters.", path=("body",))
    yield from _variable_refusals(kind, subject or "", path=("subject",))
    yield from _variable_refusals(kind, body, path=("body",))


def _filled_line(line: str, values: Mapping[Variable, str]) -> str | None:
    names = _BRACES.findall(line)
    if names and not any(values.get(Variable(name)) for name in names):
        return None
    return _BRACES.sub(lambda match: values.get(Variable(match[1]), ""), line).rstrip()


def _variable_refusals(kind: NotificationKind, text: str, *, path: Path) -> Iterator[Refusal]:
    known = variables_of(kind)
    listed = ", ".join(f"{{{each}}}" for each in known)
    unknown = dict.fromkeys(name for name in _BRACES.findall(text) if name not in known)
    for name in unknown:
        problem = f"There is no variable {{{name[:40]}}} here; use {listed}."
        yield Invalid(problem, path=path)
    if "{" in (rest := _BRACES.sub("", text)) or "}" in rest:
        problem = f"Braces are for variables alone, and come in pairs: {listed}."
        yield Invalid(problem, path=path)
