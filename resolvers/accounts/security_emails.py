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

_NOT_YOU: Final = "If it wasn't you, request a new password now: that ends all existing sessions."
_CONTACT: Final = "If you didn't expect this, contact an owner."


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
        f"There was a new login to your account at {venue} ({tenant.subdomain}), "
        f"{moment(at, zone(tenant.time_zone))}, from {network or 'an unknown address'} with "
        f"{program_name(program)}.\n\n"
        f"If it was you, ignore this e-mail. {_NOT_YOU}",
    )


def password_changed(tenant: Tenant, *, at: datetime) -> Letter:
    venue = unlinked(tenant.name)
    return Letter(
        f"Your password at {venue} was changed",
        f"Your password at {venue} ({tenant.subdomain}) was changed, "
        f"{moment(at, zone(tenant.time_zone))}; all other sessions have ended.\n\n{_NOT_YOU}",
    )


def session_stolen(tenant: Tenant) -> Letter:
    """Returns the mail about a session that was ended because its refresh token was reused."""
    venue = unlinked(tenant.name)
    return Letter(
        f"A session of yours at {venue} was ended",
        f"One of your sessions at {venue} ({tenant.subdomain}) was ended, because someone else may "
        "have had a copy of its key.\n\nLog in again, and request a new password if you can't "
        "explain this.",
    )


def key_made(tenant: Tenant, key: ApiKey) -> Letter:
    venue = unlinked(tenant.name)
    return Letter(
        f"A new API key at {venue}",
        f"The API key '{unlinked(key.name)}' was created with your account at {venue} "
        f"({tenant.subdomain}). If it wasn't you, revoke it, and request a new password: that ends "
        "all existing sessions.",
    )


def role_changed(tenant: Tenant, role: Role) -> Letter:
    venue = unlinked(tenant.name)
    return Letter(
        f"Your role at {venue} has changed",
        f"Your role at {venue} ({tenant.subdomain}) is now {role.lower()}. {_CONTACT}",
    )


def account_closed(tenant: Tenant) -> Letter:
    venue = unlinked(tenant.name)
    return Letter(
        f"Your account at {venue} was closed",
        f"Your account at {venue} ({tenant.subdomain}) was closed. {_CONTACT}",
    )


def owners_changed(tenant: Tenant, user: User, *, is_owner: bool) -> Letter:
    """Returns the mail to the other owners."""
    venue, name = unlinked(tenant.name), unlinked(user.name)
    change = "is now an owner" if is_owner else "is no longer an owner"
    return Letter(
        f"The owners of {venue} have changed",
        f"{name} {change} at {venue} ({tenant.subdomain}). If you didn't expect this, check the "
        "audit log.",
    )
