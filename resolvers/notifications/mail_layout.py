"""The look of mails: one layout, written in MJML and compiled once for each of its forms.

Everything that is put into it is escaped, and templates of venues are plain text: none of their
markup passes through. MJML itself would hand on unknown tags, with their text invisible.
"""

import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from domain.core.colors import readable_on
from domain.notifications.letters import Letter, Link

_SOURCE: Final = Path(__file__).with_name("mail.mjml")
_MARKS: Final = re.compile(r"<!-- [a-z ]+ -->")
DEFAULT_COLOR: Final = "#3b3a8f"
_URL: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,:;!?)]")
_PREVIEW: Final = 120
"""How many characters of the text mail programs show beside the subject."""


@dataclass(frozen=True, slots=True)
class Brand:
    """How a venue shows itself: its name, the color of its mails, and the address of its logo."""

    name: str
    color: str | None = None
    logo_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """Which parts of the layout a mail has."""

    has_logo: bool
    has_details: bool
    has_button: bool
    has_unsubscribe: bool


def as_html(letter: Letter, brand: Brand) -> str:
    """Returns a mail as HTML."""
    color = brand.color or DEFAULT_COLOR
    form = _Form(
        bool(brand.logo_url), bool(letter.details), bool(letter.button), bool(letter.unsubscribe)
    )
    button, unsubscribe = letter.button or Link("", ""), letter.unsubscribe or Link("", "")
    return _compiled(form).substitute(
        language=escape(letter.language),
        title=escape(letter.subject),
        preview=escape(" ".join(letter.paragraphs)[:_PREVIEW]),
        venue=escape(brand.name),
        logo=escape(brand.logo_url or ""),
        color=escape(color),
        on_color=readable_on(color),
        paragraphs="".join(f"<p>{_lines(each)}</p>" for each in letter.paragraphs),
        details="".join(_row(*each) for each in letter.details),
        button=escape(button.text),
        button_url=escape(button.url),
        small_print=escape(letter.small_print),
        unsubscribe=escape(unsubscribe.text),
        unsubscribe_url=escape(unsubscribe.url),
    )


def _lines(paragraph: str) -> str:
    return _URL.sub(_linked, escape(paragraph, quote=False)).replace("\n", "<br>")


def _linked(match: re.Match[str]) -> str:
    return f'<a href="{match[0]}">{match[0]}</a>'


def _row(name: str, value: str) -> str:
    return f'<tr><td class="name">{escape(name)}</td><td class="value">{_lines(value)}</td></tr>'


@cache
def _compiled(form: _Form) -> Template:
    # Imported here, since few processes send mail.
    from mjml import mjml2html

    source = _SOURCE.read_text(encoding="utf-8")
    for part in ("logo", "details", "button", "unsubscribe"):
        is_there = getattr(form, f"has_{part}")
        source = _without(source, f"no {part}" if is_there else part)
    return Template(mjml2html(_MARKS.sub("", source)))


def _without(source: str, part: str) -> str:
    """Returns the layout without what stands between the two comments that name a part."""
    before, _, rest = source.partition(f"<!-- {part} -->")
    return before + rest.partition(f"<!-- end of {part} -->")[2]
