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
    try:
        found = Locale.parse((locale or "").replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        found = None
    if found is None or found.language not in LANGUAGES:
        return Locale(LANGUAGES[0])
    return found
