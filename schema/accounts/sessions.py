"""Sessions: how callers prove who they are, from registration to logging out."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType
from kit.actor import ANONYMOUS
from kit.operation_context import Cookie, Operation
from permissions.roles import P
from resolvers.accounts import email_verification, passwords, registration, sessions, users
from schema.accounts.users import User
from schema.core.connections import Connection, connection
from schema.core.fields import column, computed, value
from schema.core.global_ids import encode_id
from schema.core.mutations import deleted_id, mutation, payload
from schema.tenants.tenants import Tenant


@value(sessions.SignedIn)
class Session:
    """What login, registration and refresh hand out.

    The refresh token is also set as an HTTP-only cookie.
    """

    access_token: str = column("For the header `Authorization: Bearer …`, for 15 minutes.")
    access_token_expires_at: datetime = column("From then on it is refused.")
    refresh_token: str | None = column(
        "For `refreshSession`: works once, for 7 days, and for 30 days after the login at most. "
        "Null where the session was refreshed by its cookie, which has the new one.",
        name="shown_refresh_token",
    )
    user: User = column("Who has logged in.")


@payload
class RegisterTenantPayload:
    """The new tenant, and its owner logged in."""

    session: Session | None
    tenant: Tenant | None


def _session_id(root: models.Session) -> strawberry.ID:
    return strawberry.ID(encode_id("Session", root.id))


@value()
class UserSession:
    """A place where somebody is logged in. It goes 7 days after its last use, or 30 days after
    its login."""

    id: strawberry.ID = strawberry.field(resolver=_session_id, description="For `endSession`.")
    created_at: datetime = column("When they logged in there.")
    last_used_at: datetime | None = column(
        "When it was last refreshed, which is about every quarter of an hour while it is used."
    )
    user_agent: str | None = column("What the program there called itself then.")
    current: bool = computed(sessions.is_current)


@strawberry.type
class SessionQueries:
    sessions: Connection[UserSession] | None = connection(sessions.sessions, requires=P.MEMBER)


@payload
class RegisterCustomerPayload:
    """The first session of the new customer: of a known address too, see `registerCustomer`."""

    session: Session | None


@payload
class VerifyEmailPayload:
    """Nothing but that the address is verified."""


@payload
class RequestEmailVerificationPayload:
    """Nothing but that a mail is on its way, where one is due."""


@payload
class EndSessionPayload:
    """The session that was ended; its tokens are refused from now on."""

    deleted_id: strawberry.ID | None = deleted_id("Session")


@payload
class EndOtherSessionsPayload:
    """Nothing but that the other sessions have ended."""


@payload
class LoginPayload:
    """The new session."""

    session: Session | None


@payload
class RefreshSessionPayload:
    """The same session, with new tokens."""

    session: Session | None


@payload
class LogoutPayload:
    """Nothing but that the session has ended."""


@payload
class ChangePasswordPayload:
    """The caller's session, with new tokens."""

    session: Session | None


@payload
class RequestPasswordResetPayload:
    """Nothing: neither whether the address is known."""


@payload
class ResetPasswordPayload:
    """A new session; all others have ended."""

    session: Session | None


@payload
class AcceptInvitationPayload:
    """The first session of the user who joined."""

    session: Session | None


async def _signed_in(operation: Operation, session: sessions.SignedIn) -> None:
    """What is selected of the answer is read as the user who has just logged in."""
    await operation.become(session.actor)
    operation.new_cookie = Cookie(session.refresh_token, session.refresh_token_expires_at)


async def _registered(operation: Operation, registered: registration.Registered) -> None:
    await _signed_in(operation, registered.session)


async def _logged_out(operation: Operation, _: None) -> None:
    await operation.become(ANONYMOUS)
    operation.new_cookie = Cookie(None)


@strawberry.type
class SessionMutations:
    register_tenant: RegisterTenantPayload | None = mutation(
        registration.register_tenant, requires=P.PUBLIC, hashes=True, then=_registered
    )
    register_customer: RegisterCustomerPayload | None = mutation(
        registration.register_customer,
        requires=P.PUBLIC,
        hashes=True,
        emits=[EventType.USER_JOINED],
        then=_signed_in,
    )
    verify_email: VerifyEmailPayload | None = mutation(
        email_verification.verify_email,
        requires=P.PUBLIC,
        personal=True,
        emits=[EventType.EMAIL_VERIFIED, EventType.CUSTOMER_CREATED],
    )
    request_email_verification: RequestEmailVerificationPayload | None = mutation(
        email_verification.request_email_verification, requires=P.MEMBER
    )
    login: LoginPayload | None = mutation(
        sessions.login,
        requires=P.PUBLIC,
        hashes=True,
        emits=[EventType.LOGIN_SUCCEEDED, EventType.LOGIN_FAILED, EventType.SESSIONS_ENDED],
        then=_signed_in,
    )
    refresh_session: RefreshSessionPayload | None = mutation(
        sessions.refresh_session,
        requires=P.PUBLIC,
        emits=[EventType.SESSIONS_ENDED],
        input_required=False,
        then=_signed_in,
    )
    logout: LogoutPayload | None = mutation(
        sessions.logout, requires=P.PUBLIC, personal=True, then=_logged_out
    )
    change_password: ChangePasswordPayload | None = mutation(
        passwords.change_password,
        requires=P.MEMBER,
        hashes=True,
        emits=[EventType.PASSWORD_CHANGED, EventType.SESSIONS_ENDED],
        then=_signed_in,
    )
    request_password_reset: RequestPasswordResetPayload | None = mutation(
        passwords.request_password_reset, requires=P.PUBLIC
    )
    reset_password: ResetPasswordPayload | None = mutation(
        passwords.reset_password,
        requires=P.PUBLIC,
        hashes=True,
        emits=[
            EventType.PASSWORD_RESET,
            EventType.SESSIONS_ENDED,
            EventType.EMAIL_VERIFIED,
            EventType.CUSTOMER_CREATED,
        ],
        then=_signed_in,
    )
    end_session: EndSessionPayload | None = mutation(
        sessions.end_session, requires=P.MEMBER, emits=[EventType.SESSIONS_ENDED]
    )
    end_other_sessions: EndOtherSessionsPayload | None = mutation(
        sessions.end_other_sessions, requires=P.MEMBER, emits=[EventType.SESSIONS_ENDED]
    )
    accept_invitation: AcceptInvitationPayload | None = mutation(
        users.accept_invitation,
        requires=P.PUBLIC,
        hashes=True,
        emits=[EventType.USER_JOINED, EventType.API_KEY_REVOKED],
        then=_signed_in,
    )
