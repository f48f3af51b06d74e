"""Users: their roles, and which passwords are accepted."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from domain.core.contact import normalised_email
from domain.core.refusals import Invalid, Path, Refusal, Required

MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 256
_GUESSES_DIGITS = 8
# Checking more takes long, and a password of this length is strong enough by itself.
_LONGEST_GUESSED = 40


class Role(StrEnum):
    """A user's role in their tenant, from the most to the least privileged."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    STAFF = "STAFF"
    CUSTOMER = "CUSTOMER"

    def is_above(self, other: "Role") -> bool:
        """Returns whether this role has more privileges than the other."""
        ranks = list(Role)
        return ranks.index(self) < ranks.index(other)


def password_refusals(
    password: str, *, email: str, words: Sequence[str] = (), path: Path
) -> Iterator[Refusal]:
    """Yields the reasons to refuse a new password.

    ``words`` are obvious guesses: the names of the venue and of the person.
    """
    if not password:
        yield Required(path=path)
    elif len(password) < MIN_PASSWORD_LENGTH:
        yield Invalid(f"At least {MIN_PASSWORD_LENGTH} characters.", path=path)
    if len(password) > MAX_PASSWORD_LENGTH:
        yield Invalid(f"At most {MAX_PASSWORD_LENGTH} characters.", path=path)
    address = normalised_email(email)
    if address is not None and normalised_email(password) == address:
        yield Invalid("The password can't be the e-mail address.", path=path)
    elif MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH and _is_easy_to_guess(
        password, [email, *email.split("@"), *words]
    ):
        problem = "This password is easy to guess: use words that don't belong together."
        yield Invalid(problem, path=path)


def _is_easy_to_guess(password: str, words: Sequence[str]) -> bool:
    """Returns whether a hundred million guesses suffice, common passwords and the words first."""
    # Imported here, because its lists of common passwords take a while to load.
    from zxcvbn import zxcvbn

    known = [part for word in words for part in (word, *word.split())]
    guessed = zxcvbn(password[:_LONGEST_GUESSED], user_inputs=known)
    return float(guessed["guesses_log10"]) < _GUESSES_DIGITS
