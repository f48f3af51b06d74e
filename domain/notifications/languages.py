"""The languages of notifications."""

from typing import Final

from babel import Locale, UnknownLocaleError

LANGUAGES: Final = ("en", "de", "es", "fr")
"""The languages that notifications are written in; the first one is for all other recipients."""


def language_of(locale: str | None) -> str:
    """Returns the language in which somebody with a locale, such as 'de-AT', is written to."""
    return babel_locale(locale).language


def babel_locale(locale: str | None) -> Locale:
    """Returns the locale by which dates and amounts are printed, in one of the languages."""
    tag = (locale or "").replace("_", "-")
    if tag.partition("-")[0].lower() not in LANGUAGES:
        return Locale(LANGUAGES[0])
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        # Another country than Babel knows.
        return Locale(tag.partition("-")[0].lower())
