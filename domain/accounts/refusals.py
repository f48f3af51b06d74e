"""Refusals of accounts: the caller's identity or address isn't proved."""

from dataclasses import dataclass

from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class InvalidCredentials(Refusal):
    """The address, password or token is wrong; the message never says which."""

    code = Code.INVALID_CREDENTIALS

    def __str__(self) -> str:
        return "The e-mail address, password or code is wrong or has expired."


@dataclass(eq=False)
class EmailNotVerified(Refusal):
    """The caller has to verify their e-mail address first."""

    code = Code.EMAIL_NOT_VERIFIED

    def __str__(self) -> str:
        return "Verify your e-mail address first, with the code that was e-mailed to you."
