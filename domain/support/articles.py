"""Articles of a venue's knowledge base: what they may contain, and how they are divided."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from domain.core.refusals import Invalid, Path, Refusal, Required
from domain.core.text import search_form, tidy_name
from domain.customers.customers import is_locale

MAX_ARTICLES: Final = 10_000
"""The most articles of a venue that aren't archived."""
MAX_TITLE: Final = 200
MAX_TAGS: Final = 20
MAX_TAG: Final = 50
PASSAGE_LENGTH: Final = 1_500
"""About how many characters of an article become one vector."""
EXCERPT_LENGTH: Final = 300
MAX_WORDS: Final = 2_000
"""So many different words of an article are compared with misspelt ones."""

LANGUAGES: Final = {"en": "english", "de": "german", "es": "spanish", "fr": "french"}
"""The text search configuration of PostgreSQL for each language; ``simple`` for all others."""

_WORD: Final = re.compile(r"[^\W_]+")
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS: Final = re.compile(r"^[ \t]{0,3}(?:#{1,6}|>|[-*+]|\d+[.)])[ \t]+|[*_`~]+", re.MULTILINE)


def configuration_of(locale: str) -> str:
    """Returns the text search configuration for a locale such as 'de-AT'."""
    return LANGUAGES.get(language_of(locale), "simple")


def language_of(locale: str) -> str:
    """Returns the language of a locale: 'de' of 'de-AT'."""
    return locale.replace("_", "-").partition("-")[0].lower()


def tidy_tags(tags: Sequence[str]) -> list[str]:
    """Returns tags without surrounding space, each once, in the order given."""
    return [*dict.fromkeys(tidy_name(each) for each in tags)]


def article_refusals(
    *, title: str, body: str, locale: str, tags: Sequence[str], path: Path = ()
) -> Iterator[Refusal]:
    """Yields the reasons to refuse an article."""
    if not title:
        yield Required(path=(*path, "title"))
    elif len(title) > MAX_TITLE:
        yield Invalid(f"A title has at most {MAX_TITLE} characters.", path=(*path, "title"))
    if not body.strip():
        yield Required(path=(*path, "body"))
    if not is_locale(locale):
        yield Invalid("A locale must be a language tag such as 'en-US'.", path=(*path, "locale"))
    if len(tags) > MAX_TAGS or any(not 1 <= len(each) <= MAX_TAG for each in tags):
        problem = f"At most {MAX_TAGS} tags of 1 to {MAX_TAG} characters."
        yield Invalid(problem, path=(*path, "tags"))


def plain_text(markdown: str) -> str:
    """Returns Markdown without its marks and the addresses of links."""
    return _MARKS.sub("", _LINK.sub(r"\1", markdown)).strip()


def words_of(text: str) -> list[str]:
    """Returns the words of a text, each once, in lower case and as they are written."""
    return [*dict.fromkeys(_WORD.findall(text.lower()))]


def known_words(*texts: str) -> str:
    """Returns the words of texts as they are found, with which misspelt ones are compared."""
    found = (search_form(each) for text in texts for each in words_of(text))
    return " ".join([*dict.fromkeys(each for each in found if len(each) > 3)][:MAX_WORDS])


def passages(title: str, body: str) -> list[str]:
    """Divides an article at its empty lines into passages; each begins with the title."""
    parts: list[str] = []
    for paragraph in paragraphs(body):
        for start in range(0, len(paragraph), PASSAGE_LENGTH):
            piece = paragraph[start : start + PASSAGE_LENGTH]
            if parts and len(parts[-1]) + len(piece) < PASSAGE_LENGTH:
                parts[-1] = f"{parts[-1]}\n\n{piece}"
            else:
                parts.append(piece)
    return [f"{title}\n\n{each}" for each in parts or [""]]


def paragraphs(body: str) -> list[str]:
    """Returns the paragraphs of Markdown as plain text."""
    found = (plain_text(each) for each in re.split(r"\n\s*\n", body))
    return [each for each in found if each]


def excerpt(body: str, sought: Sequence[str]) -> str:
    """Returns the paragraph of an article with most of the sought words, or its first one.

    Words are in the form of ``search_form``. At most 300 characters, around the first word.
    """
    every = paragraphs(body)
    if not every:
        return ""
    stems = [each[:5] for each in sought]

    def hits(paragraph: str) -> int:
        plain = search_form(paragraph)
        return sum(stem in plain for stem in stems)

    best = max(every, key=hits)
    if len(best) <= EXCERPT_LENGTH:
        return best
    places = [place for stem in stems if (place := search_form(best).find(stem)) >= 0]
    start = max(min(places, default=0) - EXCERPT_LENGTH // 3, 0)
    start = best.rfind(" ", 0, start) + 1
    cut = best[start : start + EXCERPT_LENGTH - 2].rstrip()
    return f"{'…' if start else ''}{cut}{'…' if start + len(cut) < len(best) else ''}"
