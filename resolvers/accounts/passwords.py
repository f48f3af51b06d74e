"""Changes passwords, and resets forgotten ones by mail."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, cast

import orjson
from typing_extensions import Doc

from domain.accounts.logins import SessionEnd
from domain.accounts.refusals import InvalidCredentials
from domain.core.log_events import EventType
from kit.actor import ANONYMOUS, Request
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.allowances import Allowance, Allowances
from kit.security.encryption import Cipher
from kit.security.network_addresses import network_of
from kit.security.passwords import Passwords
from kit.security.priority_semaphore import Lane
from models.accounts.sessions import Purpose, open_session, refresh_tokens_spent, sessions_ended
from models.accounts.users import addressed_by, user_of
from permissions.policy import own_user_id
from resolvers.accounts.authentication import (
    check_password,
    locked_user,
    new_password_refusals,
    user_called,
)
from resolvers.accounts.email_verification import verify_address
from resolvers.accounts.mailed_tokens import (
    mailed_token,
    redeem,
    reset_letter,
    spend_mailed_tokens,
    was_just_mailed,
)
from resolvers.accounts.outgoing_mail import MailKind, send_later
from resolvers.accounts.security_events import end_sessions, log_security_event
from resolvers.accounts.sessions import ACCOUNTS, SignedIn, begin_session, continue_session
from resolvers.core.lookups import raise_all
from resolvers.core.transactions import perform
from resolvers.tenants.tenants import own_tenant

RESETS_REQUESTED: Final = Allowance("password resets asked for", 30, timedelta(hours=1))
"""Per network, for all users together."""

NewPassword = Annotated[str, Doc("The new password: 10 to 256 characters, and not easy to guess.")]


async def change_password(
    scope: Scope,
    *,
    current_password: Annotated[str, Doc("The caller's current password.")],
    new_password: NewPassword,
) -> SignedIn:
    """Change the caller's password. All other sessions of the user end, and codes e-mailed before
    are revoked.

    Continue with the new tokens that are returned; earlier refresh tokens of the session are
    revoked.
    """
    me = await scope.read_outside(user_of(scope.tenant_id, own_user_id(scope.actor)))
    assert me is not None, "users are never removed"
    refused = await new_password_refusals(scope, me, new_password, path=("new_password",))
    known_hash = me.password_hash
    checked = await check_password(
        scope, current_password, known_hash, account=f"user {me.id}", lane=Lane.ORDINARY
    )
    wrong = InvalidCredentials(path=("current_password",))
    if not checked.right:
        refused.append(wrong)
    raise_all(refused)
    new_hash = await scope.service(Passwords).hash(new_password)

    user = await locked_user(scope, me.id)
    if user is None or user.password_hash != known_hash:
        raise wrong
    user.password_hash = new_hash
    # A code may have been requested by someone else than the owner of the password.
    await spend_mailed_tokens(scope, user.id, Purpose.PASSWORD_RESET)
    others = sessions_ended(user.tenant_id, user.id, at=scope.now(), but=scope.actor.session_id)
    await end_sessions(scope, user.id, others, SessionEnd.PASSWORD_CHANGED)
    log_security_event(scope, EventType.PASSWORD_CHANGED, user.id)
    session = None
    if (session_id := scope.actor.session_id) is not None:
        session = await scope.one(open_session(user.tenant_id, session_id))
    if session is None:
        return await begin_session(scope, user)
    await scope.run(refresh_tokens_spent(user.tenant_id, session.id, at=scope.now()))
    return await continue_session(scope, user, session)


async def request_password_reset(
    scope: Scope,
    *,
    subdomain: Annotated[str, Doc("The subdomain of the tenant.")],
    email: Annotated[str, Doc("The user's e-mail address. Case is ignored.")],
) -> None:
    """E-mail a user a code to set a new password, which can be used once, within an hour.

    The result is the same whether or not the e-mail address is known. A user is sent at most one
    e-mail a minute and three an hour. At most 30 requests an hour are accepted from one network
    address.
    """
    address = scope.request.ip_address
    await scope.service(Allowances).spend(RESETS_REQUESTED, network_of(address))
    text = orjson.dumps({"subdomain": subdomain, "email": email, "address": address or ""}).decode()
    # All of it in a job, so that the response time reveals nothing either.
    scope.enqueue(
        "password_reset", {"sealed": scope.service(Cipher).encrypt(text, use="password_reset")}
    )


async def reset_password(
    scope: Scope,
    *,
    token: Annotated[str, Doc("The code from the e-mail. It can be used once, within an hour.")],
    password: NewPassword,
) -> SignedIn:
    """Set a new password with an e-mailed code. All existing sessions of the user end.

    The e-mail address then counts as verified.
    """
    user = await redeem(scope, token, Purpose.PASSWORD_RESET, password=password, also=[ACCOUNTS])
    all_of_them = sessions_ended(user.tenant_id, user.id, at=scope.now())
    await end_sessions(scope, user.id, all_of_them, SessionEnd.PASSWORD_RESET)
    await verify_address(scope, user)
    log_security_event(scope, EventType.PASSWORD_RESET, user.id)
    return await begin_session(scope, user)


def requested_reset(runtime: Runtime, payload: Mapping[str, Any]) -> dict[str, str]:
    """Returns the ``subdomain``, ``email`` and ``address`` of a job.

    Raises DecryptionError.
    """
    cipher = cast("Cipher", runtime.services[Cipher])
    request_data: dict[str, str] = orjson.loads(
        cipher.decrypt(payload["sealed"], use="password_reset")
    )
    return request_data


async def send_reset(runtime: Runtime, request: Request, *, subdomain: str, email: str) -> None:
    """Mails a reset code to the user of an address, unless one was just mailed."""

    async def send(scope: Scope) -> None:
        user = await user_called(scope, subdomain=subdomain, email=email, find=addressed_by)
        if user is None:
            return
        user = await locked_user(scope, user.id)
        if user is None:
            return
        if await was_just_mailed(scope, user, Purpose.PASSWORD_RESET):
            return
        token = mailed_token(scope, user, Purpose.PASSWORD_RESET)
        # An unverified address may belong to someone else than the user who entered it.
        kind = MailKind.RESET if user.email_verified_at else MailKind.VERIFICATION
        send_later(scope, reset_letter(await own_tenant(scope), user, token), kind)

    await perform(runtime, ANONYMOUS, request, send)
