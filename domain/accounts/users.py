"""Who may be a user, and how their e-mail address and password are accepted."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from domain.core.contact import normalised_email
from domain.core.refusals import Invalid, Path, Refusal, Required

MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 256
_GUESSES_DIGITS = 8
# To look at more takes long, and so many letters are enough by themselves.
_LONGEST_GUESSED = 40


class Role(StrEnum):
    """What a user is in their tenant, from the most trusted down."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    STAFF = "STAFF"
    CUSTOMER = "CUSTOMER"

    def is_above(self, other: "Role") -> bool:
        """Is this role trusted with more than the other?"""
        ranks = list(Role)
        return ranks.index(self) < ranks.index(other)


def password_refusals(
    password: str, *, email: str, words: Sequence[str] = (), path: Path
) -> Iterator[Refusal]:
    """All that can't be accepted of a new password for the user of an address.

    ``words`` are what somebody would try first: the names of the venue and of the person.
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
    """Whether a hundred million guesses are enough, common passwords and these words first."""
    # Imported where it is used: its lists of common passwords take a while to load.
    from zxcvbn import zxcvbn

    known = [part for word in words for part in (word, *word.split())]
    guessed = zxcvbn(password[:_LONGEST_GUESSED], user_inputs=known)
    return float(guessed["guesses_log10"]) < _GUESSES_DIGITS
