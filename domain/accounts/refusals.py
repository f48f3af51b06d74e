"""Refusals of accounts: who it is was not proved."""

from dataclasses import dataclass

from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class InvalidCredentials(Refusal):
    """The address, password or token doesn't prove who it is; never says which."""

    code = Code.INVALID_CREDENTIALS

    def __str__(self) -> str:
        return "These credentials are not right, or they have expired."


@dataclass(eq=False)
class EmailNotVerified(Refusal):
    """The caller has yet to prove that their e-mail address is theirs."""

    code = Code.EMAIL_NOT_VERIFIED

    def __str__(self) -> str:
        return "Verify your e-mail address first, by the code in the mail that was sent to you."
