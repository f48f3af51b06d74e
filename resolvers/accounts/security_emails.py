"""The texts of security mails to users."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.accounts.programs import program_name
from domain.accounts.users import Role
from domain.core.formatting import moment, unlinked
from domain.core.local_time import zone
from models.accounts.api_keys import ApiKey
from models.accounts.users import User
from models.tenants import Tenant

_NOT_YOU: Final = (
    "If it wasn't you, ask for a new password now: that ends all sessions that there are."
)
_ASK: Final = "If you didn't expect this, ask an owner."


@dataclass(frozen=True, slots=True)
class Letter:
    """A subject, and a text without its greeting."""

    subject: str
    text: str


def new_login(tenant: Tenant, *, at: datetime, program: str | None, network: str) -> Letter:
    """Returns the mail about a login with an unfamiliar program or network."""
    venue = unlinked(tenant.name)
    return Letter(
        f"A new login to your account at {venue}",
        f"somebody logged in to your account at {venue} ({tenant.subdomain}), "
        f"{moment(at, zone(tenant.time_zone))}, from {network or 'an unknown address'} with "
        f"{program_name(program)}.\n\n"
        f"If it was you, there is nothing to do. {_NOT_YOU}",
    )


def password_changed(tenant: Tenant, *, at: datetime) -> Letter:
    venue = unlinked(tenant.name)
    return Letter(
        f"Your password at {venue} was changed",
        f"your password at {venue} ({tenant.subdomain}) was changed, "
        f"{moment(at, zone(tenant.time_zone))}; all other sessions have ended.\n\n{_NOT_YOU}",
    )


def session_stolen(tenant: Tenant) -> Letter:
    """Returns the mail about a session that was ended because its refresh token was reused."""
    venue = unlinked(tenant.name)
    return Letter(
        f"A session of yours at {venue} was ended",
        f"a session of yours at {venue} ({tenant.subdomain}) was ended, because somebody else may "
        "have had a copy of its key.\n\nLog in again, and ask for a new password if you don't know "
        "how that came about.",
    )


def key_made(tenant: Tenant, key: ApiKey) -> Letter:
    venue = unlinked(tenant.name)
    return Letter(
        f"A new API key at {venue}",
        f"an API key, '{unlinked(key.name)}', was made with your account at {venue} "
        f"({tenant.subdomain}). If it wasn't you, revoke it, and ask for a new password: that ends "
        "all sessions that there are.",
    )


def role_changed(tenant: Tenant, role: Role) -> Letter:
    venue = unlinked(tenant.name)
    return Letter(
        f"Your role at {venue} has changed",
        f"you are {role.lower()} at {venue} ({tenant.subdomain}) from now on. {_ASK}",
    )


def account_closed(tenant: Tenant) -> Letter:
    venue = unlinked(tenant.name)
    return Letter(
        f"Your account at {venue} was closed",
        f"your account at {venue} ({tenant.subdomain}) was closed, and nobody logs in to it any "
        f"more. {_ASK}",
    )


def owners_changed(tenant: Tenant, user: User, *, is_owner: bool) -> Letter:
    """Returns the mail to the other owners."""
    venue, name = unlinked(tenant.name), unlinked(user.name)
    change = "is an owner now" if is_owner else "is no owner any more"
    return Letter(
        f"The owners of {venue} have changed",
        f"at {venue} ({tenant.subdomain}), {name} {change}. If you didn't expect this, look at the "
        "audit log.",
    )
