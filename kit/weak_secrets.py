"""How easy a secret is to guess."""

from typing import Final

# A random secret of 32 letters has at least 20; repeated words have about 10.
SECRET_DIGITS: Final = 18
"""The number of guesses that a production secret must withstand, in decimal digits."""
# zxcvbn is slow for longer texts.
_MAX_GUESSED: Final = 64


def is_weak(secret: str) -> bool:
    """Returns whether a secret is easy to guess with words, names and patterns."""
    # Imported here: its word lists take a while to load.
    from zxcvbn import zxcvbn

    return float(zxcvbn(secret[:_MAX_GUESSED])["guesses_log10"]) < SECRET_DIGITS
