"""Refusals of accounts: who it is was not proved."""

from dataclasses import dataclass

from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class InvalidCredentials(Refusal):
    """The address, password or token doesn't prove who it is; never says which."""

    code = Code.INVALID_CREDENTIALS

    def __str__(self) -> str:
        return "The e-mail address, password or code is wrong or has expired."


@dataclass(eq=False)
class EmailNotVerified(Refusal):
    """The caller has yet to prove that their e-mail address is theirs."""

    code = Code.EMAIL_NOT_VERIFIED

    def __str__(self) -> str:
        return "Verify your e-mail address first, with the code that was e-mailed to you."
