"""Sessions: login, refresh, logout, and the list of a user's sessions."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Final

from sqlalchemy import Select
from typing_extensions import Doc

from domain.accounts.logins import LoginFailure, SessionEnd, is_unfamiliar
from domain.accounts.refusals import InvalidCredentials
from domain.core.contact import normalised_email
from domain.core.ids import SessionId
from domain.core.log_events import EventType
from kit.actor import Actor
from kit.errors import Throttled
from kit.ids import NOBODY
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from kit.security.network_addresses import network_of
from kit.security.tokens import TenantToken, Tokens
from models.accounts.sessions import (
    RefreshToken,
    Session,
    open_session,
    places_of,
    refresh_token_with,
    session_ended,
    session_with_token,
    sessions_beyond,
    sessions_ended,
    sessions_since,
)
from models.accounts.users import User
from permissions.policy import own_user_id
from resolvers.accounts.authentication import (
    actor_for,
    check_password,
    lock_of,
    locked_user,
    user_called,
)
from resolvers.accounts.security_emails import new_login
from resolvers.accounts.security_events import (
    end_sessions,
    log_security_event,
    mail_user,
    record_failed_login,
)
from resolvers.core.lookups import get_or_refuse
from resolvers.tenants.tenants import own_tenant

REFRESH_TOKEN_LIFETIME: Final = timedelta(days=7)
SESSION_LIFETIME: Final = timedelta(days=30)
"""The longest a session lasts, even if it is used every day."""
ACCOUNTS: Final = ("accounts",)
"""The lock of a tenant's users, so that two owners can't demote each other concurrently."""
MAX_SESSIONS: Final = 20
GRACE: Final = timedelta(seconds=10)
"""A spent refresh token may be reused by a second tab within this time; later it was stolen."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new pair of tokens; ``actor`` is the actor that they authenticate."""

    actor: Actor
    user: User
    access_token: str = field(repr=False)
    access_token_expires_at: datetime
    refresh_token: str = field(repr=False)
    refresh_token_expires_at: datetime
    is_for_cookie: bool = False

    @property
    def shown_refresh_token(self) -> str | None:
        """The refresh token, unless the caller keeps it in a cookie, which scripts can't read."""
        return None if self.is_for_cookie else self.refresh_token


# ------------------------------------------------------------------------------ login


async def login(
    scope: Scope,
    *,
    subdomain: Annotated[str, Doc("The subdomain of the tenant.")],
    email: Annotated[str, Doc("The user's e-mail address. Case is ignored.")],
    password: Annotated[str, Doc("The user's password.")],
) -> SignedIn:
    """Log in with an e-mail address and a password.

    The error is the same for an unknown address, a customer's unverified address and a wrong
    password. After several wrong passwords the next attempt has to wait, for at most a minute.
    """
    user = await user_called(scope, subdomain=subdomain, email=email)
    known_hash = user.password_hash if user and user.has_joined else None
    account = f"{subdomain.strip().lower()} {normalised_email(email) or email}"
    try:
        checked = await check_password(scope, password, known_hash, account=account)
    except Throttled:
        # Not logged, so that guessing can't fill the log.
        record_failed_login(scope, None, LoginFailure.THROTTLED)
        raise
    if user is None or not checked.right:
        record_failed_login(scope, user, _failure(user))
        raise InvalidCredentials

    user = await locked_user(scope, user.id)
    # The password may have changed while it was verified.
    if user is None or user.password_hash != known_hash:
        raise InvalidCredentials
    user.password_hash = checked.better_hash or user.password_hash
    await _warn_of_new_place(scope, user)
    log_security_event(scope, EventType.LOGIN_SUCCEEDED, user.id)
    return await begin_session(scope, user)


async def refresh_session(
    scope: Scope,
    *,
    refresh_token: Annotated[
        str | None, Doc("The latest refresh token; by default the one in the cookie.")
    ] = None,
) -> SignedIn | None:
    """Continue a session with a new pair of tokens, for at most 30 days after the login.

    A refresh token can be used once. If it is used again more than ten seconds later, the whole
    session ends, because the token may have been stolen.
    """
    refused = InvalidCredentials(path=("refresh_token",))
    token = TenantToken.parse(refresh_token or scope.request.cookie or "")
    session = await _session_of(scope, token) if token else None
    if token is None or session is None:
        raise refused

    user = await locked_user(scope, session.user_id)
    session = await scope.one(open_session(session.tenant_id, session.id))
    shown = await scope.one(refresh_token_with(token.tenant_id, token.hash))
    if user is None or session is None or shown is None or shown.expires_at <= scope.now():
        raise refused
    if session.created_at + SESSION_LIFETIME <= scope.now():
        raise refused
    if shown.used_at is None:
        shown.used_at = session.last_used_at = scope.now()
        session.user_agent = scope.request.user_agent
        session.network = network_of(scope.request.ip_address)
        continued = await continue_session(scope, user, session)
        return replace(continued, is_for_cookie=refresh_token is None)
    if scope.now() - shown.used_at <= GRACE:
        raise refused
    session.ended_at = scope.now()
    log_security_event(scope, EventType.SESSIONS_ENDED, user.id, reason=SessionEnd.REUSED)

    async def refuse() -> None:
        raise refused

    # Refused after the commit: an exception here would roll back the end of the session.
    scope.after_commit(refuse)
    return None


async def logout(scope: Scope) -> None:
    """End the session of the access token, or without one the session of the refresh cookie."""
    actor = scope.actor
    if actor.tenant_id is not None and actor.session_id is not None:
        session = await scope.read_outside(open_session(actor.tenant_id, actor.session_id))
    elif token := TenantToken.parse(scope.request.cookie or ""):
        session = await _session_of(scope, token)
    else:
        return
    if session is not None:
        await scope.lock(lock_of(session.user_id))
        ended = session_ended(session.tenant_id, session.id, at=scope.now())
        await end_sessions(scope, session.user_id, ended, SessionEnd.LOGGED_OUT)


# ------------------------------------------------------------------------------ list


def visible_sessions(scope: Scope) -> Select[Session]:
    """Selects the caller's active sessions."""
    user_id = scope.actor.user_id
    return sessions_since(
        scope.tenant_id,
        NOBODY if user_id is None else user_id,
        used=scope.now() - REFRESH_TOKEN_LIFETIME,
        begun=scope.now() - SESSION_LIFETIME,
    )


def sessions(scope: Scope) -> Listing[Session]:
    """The sessions in which the caller is logged in, latest login first."""
    return Listing(Session, visible_sessions(scope), (Order(Session.created_at, descending=True),))


async def is_current(scope: Scope, session: Session) -> bool:
    """Whether this is the session of this request."""
    return session.id == scope.actor.session_id


async def end_session(
    scope: Scope, id: Annotated[SessionId, Doc("The id of the session.")]
) -> SessionId:
    """End another session of the caller. It takes effect within a second."""
    await scope.lock(lock_of(own_user_id(scope.actor)))
    session = await get_or_refuse(scope, visible_sessions(scope), id, what="session")
    session.ended_at = scope.now()
    log_security_event(
        scope, EventType.SESSIONS_ENDED, session.user_id, reason=SessionEnd.ENDED_ELSEWHERE
    )
    return id


async def end_other_sessions(scope: Scope) -> None:
    """End all sessions of the caller except the current one. It takes effect within a second."""
    user_id, present = own_user_id(scope.actor), scope.actor.session_id
    await scope.lock(lock_of(user_id))
    ended = sessions_ended(scope.tenant_id, user_id, at=scope.now(), but=present)
    await end_sessions(scope, user_id, ended, SessionEnd.ENDED_ELSEWHERE)


# ------------------------------------------------------------------------------ tokens


async def begin_session(scope: Scope, user: User) -> SignedIn:
    """Begins a session, under the user's lock; ends the least recently used beyond 20."""
    beyond = sessions_beyond(user.tenant_id, user.id, MAX_SESSIONS - 1, at=scope.now())
    await end_sessions(scope, user.id, beyond, SessionEnd.TOO_MANY)
    session = Session(
        tenant_id=user.tenant_id,
        user_id=user.id,
        created_at=scope.now(),
        last_used_at=scope.now(),
        user_agent=scope.request.user_agent,
        network=network_of(scope.request.ip_address),
    )
    scope.add(session)
    await scope.flush()
    user.last_login_at = scope.now()
    return await continue_session(scope, user, session)


async def continue_session(scope: Scope, user: User, session: Session) -> SignedIn:
    """Returns a new pair of tokens for a session, and switches the scope to its user."""
    plan = (await own_tenant(scope)).plan_code
    scope.actor = actor_for(user, session.id, plan=plan)
    access_token, access_token_expires_at = scope.service(Tokens).sign(
        tenant_id=user.tenant_id, user_id=user.id, session_id=session.id, now=scope.now()
    )
    refresh_token = TenantToken.new(user.tenant_id)
    expires_at = min(scope.now() + REFRESH_TOKEN_LIFETIME, session.created_at + SESSION_LIFETIME)
    scope.add(
        RefreshToken(
            tenant_id=user.tenant_id,
            session_id=session.id,
            token_hash=refresh_token.hash,
            expires_at=expires_at,
        )
    )
    return SignedIn(
        actor=scope.actor,
        user=user,
        access_token=access_token,
        access_token_expires_at=access_token_expires_at,
        refresh_token=str(refresh_token),
        refresh_token_expires_at=expires_at,
    )


def _failure(user: User | None) -> LoginFailure:
    if user is None:
        return LoginFailure.UNKNOWN_ACCOUNT
    if user.deactivated_at is not None:
        return LoginFailure.CLOSED
    return LoginFailure.WRONG_PASSWORD if user.has_joined else LoginFailure.NOT_JOINED


async def _warn_of_new_place(scope: Scope, user: User) -> None:
    """Mails a user about a login from an unfamiliar place."""
    request, network = scope.request, network_of(scope.request.ip_address)
    rows = await scope.rows(places_of(user.tenant_id, user.id))
    if is_unfamiliar([(row[0], row[1]) for row in rows], request.user_agent, network):
        letter = new_login(
            await own_tenant(scope), at=scope.now(), program=request.user_agent, network=network
        )
        mail_user(scope, user, letter)


async def _session_of(scope: Scope, token: TenantToken) -> Session | None:
    await scope.enter(token.tenant_id)
    return await scope.read_outside(session_with_token(token.tenant_id, token.hash))
