"""One-time secrets sent by mail, and the text of those mails."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.accounts.refusals import InvalidCredentials
from domain.core.formatting import unlinked
from integrations.mail.protocol import Message
from kit.scope import Scope
from kit.security.passwords import Passwords
from kit.security.tokens import TenantToken
from models.accounts.sessions import (
    MailedToken,
    Purpose,
    mailed_token_with,
    mailed_tokens_spent,
    open_mailed_tokens,
)
from models.accounts.users import User, user_of
from models.tenants import Tenant
from resolvers.accounts.authentication import lock_of, new_password_refusals
from resolvers.core.lookups import raise_all

LIFETIMES: Final = {
    Purpose.PASSWORD_RESET: timedelta(hours=1),
    Purpose.INVITATION: timedelta(days=7),
    Purpose.VERIFICATION: timedelta(days=1),
}
BETWEEN_MAILS: Final = timedelta(minutes=1)


def mailed_token(scope: Scope, user: User, purpose: Purpose) -> str:
    """Creates a secret for a user."""
    token = TenantToken.new(user.tenant_id)
    scope.add(
        MailedToken(
            tenant_id=user.tenant_id,
            user_id=user.id,
            purpose=purpose.value,
            token_hash=token.hash,
            expires_at=scope.now() + LIFETIMES[purpose],
        )
    )
    return str(token)


async def was_just_mailed(scope: Scope, user: User, purpose: Purpose) -> bool:
    """Returns whether an unused secret of this purpose was mailed within the last minute."""
    latest = await scope.one(open_mailed_tokens(user.tenant_id, user.id, purpose))
    if latest is None:
        return False
    return scope.now() < latest.expires_at - LIFETIMES[purpose] + BETWEEN_MAILS


async def redeem(
    scope: Scope,
    text: str,
    purpose: Purpose,
    *,
    password: str,
    also: Sequence[tuple[object, ...]] = (),
) -> User:
    """Redeems a mailed secret, and sets its user's new password.

    Takes the user's lock, and those in ``also``. Raises InvalidCredentials, and all refusals of
    the password as a group.
    """
    token, user = await _bearer(scope, text, purpose)
    problems = await new_password_refusals(scope, user, password, path=("password",))
    raise_all(problems)
    password_hash = await scope.service(Passwords).hash(password)

    user = await _spend(scope, token, user.id, purpose, also=also)
    user.password_hash = password_hash
    await spend_mailed_tokens(scope, user.id)
    return user


async def redeem_alone(
    scope: Scope, text: str, purpose: Purpose, *, also: Sequence[tuple[object, ...]] = ()
) -> User:
    """Redeems a mailed secret that proves only that its user receives the mail.

    Takes the user's lock, and those in ``also``. Raises InvalidCredentials.
    """
    token, user = await _bearer(scope, text, purpose)
    return await _spend(scope, token, user.id, purpose, also=also)


async def spend_mailed_tokens(scope: Scope, user_id: UUID, *purposes: Purpose) -> None:
    """Invalidates the secrets mailed to a user: those of some ``purposes``, or all."""
    spent = mailed_tokens_spent(scope.tenant_id, user_id, purposes or Purpose, at=scope.now())
    await scope.run(spent)


def reset_letter(tenant: Tenant, user: User, token: str) -> Message:
    venue = unlinked(tenant.name)
    return _letter(
        user,
        f"Your new password for {venue}",
        f"You, or someone else, requested a new password at {venue} ({tenant.subdomain}). "
        "To set it, enter this code within an hour; it works once:",
        token,
        "If you didn't request this, ignore this e-mail: your password stays the same.",
    )


def invitation_letter(tenant: Tenant, user: User, token: str) -> Message:
    venue = unlinked(tenant.name)
    return _letter(
        user,
        f"Your invitation to {venue}",
        f"You are invited to {venue} ({tenant.subdomain}) on Boom Booking. "
        "To join, enter this code within 7 days; it works once:",
        token,
        "If you didn't expect this, ignore this e-mail.",
    )


def verification_letter(tenant: Tenant, user: User, token: str) -> Message:
    venue = unlinked(tenant.name)
    return _letter(
        user,
        f"Your e-mail address at {venue}",
        f"You, or someone else, entered this address at {venue} ({tenant.subdomain}). "
        "To verify that it is yours, enter this code within a day; it works once:",
        token,
        "If it wasn't you, ignore this e-mail: the address won't be used.",
    )


def known_letter(tenant: Tenant, user: User) -> Message:
    """Returns the mail to the owner of an address that was used for another sign-up."""
    venue = unlinked(tenant.name)
    return _letter(
        user,
        f"You have an account at {venue}",
        f"You, or someone else, signed up at {venue} ({tenant.subdomain}) with this address, "
        "which already has an account there.",
        "Log in with the address and your password, or request a new password. If you were "
        "invited and have not joined yet, use the code in the invitation.",
        "If it wasn't you, ignore this e-mail: nothing of your account was shown or changed.",
    )


def _letter(user: User, subject: str, *paragraphs: str) -> Message:
    text = "\n\n".join([f"Hello {unlinked(user.name)},", *paragraphs])
    return Message(to=user.email, subject=subject, text=f"{text}\n")


async def _bearer(scope: Scope, text: str, purpose: Purpose) -> tuple[TenantToken, User]:
    """Returns a valid secret's user, before any lock, and enters their tenant."""
    refused = InvalidCredentials(path=("token",))
    token = TenantToken.parse(text)
    if token is None:
        raise refused
    await scope.enter(token.tenant_id)
    kept = await scope.read_outside(mailed_token_with(token.tenant_id, token.hash, purpose))
    if kept is None or not _is_good(kept, scope.now()):
        raise refused
    user = await scope.read_outside(user_of(token.tenant_id, kept.user_id))
    assert user is not None, "users are never removed"
    return token, user


async def _spend(
    scope: Scope,
    token: TenantToken,
    user_id: UUID,
    purpose: Purpose,
    *,
    also: Sequence[tuple[object, ...]],
) -> User:
    await scope.lock(lock_of(user_id), *also)
    kept = await scope.one(mailed_token_with(token.tenant_id, token.hash, purpose))
    user = await scope.one(user_of(token.tenant_id, user_id))
    # Another request may have used it a moment ago.
    if kept is None or user is None or not _is_good(kept, scope.now()):
        raise InvalidCredentials(path=("token",))
    kept.used_at = scope.now()
    return user


def _is_good(token: MailedToken, now: datetime) -> bool:
    return token.used_at is None and now < token.expires_at
