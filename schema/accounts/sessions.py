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
    """The tokens of a session, as returned by login, registration and refresh.

    The refresh token is also set as an HTTP-only cookie.
    """

    access_token: str = column(
        "The token for the header `Authorization: Bearer …`. It is valid for 15 minutes."
    )
    access_token_expires_at: datetime = column("When the access token expires.")
    refresh_token: str | None = column(
        "The token for `refreshSession`. It can be used once, within 7 days and at most "
        "30 days after the login. Null if the session was refreshed with the cookie, "
        "which then has the new token.",
        name="shown_refresh_token",
    )
    user: User = column("The user who is logged in.")


@payload
class RegisterTenantPayload:
    """The result of `registerTenant`."""

    session: Session | None
    tenant: Tenant | None


def _session_id(root: models.Session) -> strawberry.ID:
    return strawberry.ID(encode_id("Session", root.id))


@value()
class UserSession:
    """A device or browser on which a user is logged in.

    A session ends 7 days after it was last refreshed, or 30 days after the login.
    """

    id: strawberry.ID = strawberry.field(
        resolver=_session_id, description="The id of the session, for `endSession`."
    )
    created_at: datetime = column("When the user logged in.")
    last_used_at: datetime | None = column(
        "When the session was last refreshed: about every 15 minutes while it is in use. "
        "Null if it never was."
    )
    user_agent: str | None = column(
        "The `User-Agent` header of the browser or program at the login, or null if it sent none."
    )
    current: bool = computed(sessions.is_current)


@strawberry.type
class SessionQueries:
    sessions: Connection[UserSession] | None = connection(sessions.sessions, requires=P.MEMBER)


@payload
class RegisterCustomerPayload:
    """The result of `registerCustomer`."""

    session: Session | None


@payload
class VerifyEmailPayload:
    """The result of `verifyEmail`."""


@payload
class RequestEmailVerificationPayload:
    """The result of `requestEmailVerification`."""


@payload
class EndSessionPayload:
    """The result of `endSession`. The tokens of the session are refused from now on."""

    deleted_id: strawberry.ID | None = deleted_id("Session")


@payload
class EndOtherSessionsPayload:
    """The result of `endOtherSessions`."""


@payload
class LoginPayload:
    """The result of `login`."""

    session: Session | None


@payload
class RefreshSessionPayload:
    """The result of `refreshSession`: the same session with new tokens."""

    session: Session | None


@payload
class LogoutPayload:
    """The result of `logout`."""


@payload
class ChangePasswordPayload:
    """The result of `changePassword`: the caller's session with new tokens."""

    session: Session | None


@payload
class RequestPasswordResetPayload:
    """The result of `requestPasswordReset`.

    It doesn't reveal whether the e-mail address is known.
    """


@payload
class ResetPasswordPayload:
    """The result of `resetPassword`: a new session. All other sessions of the user have ended."""

    session: Session | None


@payload
class AcceptInvitationPayload:
    """The result of `acceptInvitation`: the first session of the new user."""

    session: Session | None


async def _signed_in(operation: Operation, session: sessions.SignedIn) -> None:
    """What is selected of the answer is read as the user who has just logged in."""
    await operation.switch_actor(session.actor)
    operation.new_cookie = Cookie(session.refresh_token, session.refresh_token_expires_at)


async def _registered(operation: Operation, registered: registration.Registered) -> None:
    await _signed_in(operation, registered.session)


async def _logged_out(operation: Operation, _: None) -> None:
    await operation.switch_actor(ANONYMOUS)
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
