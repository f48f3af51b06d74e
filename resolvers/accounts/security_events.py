"""Security events of accounts: logs and counts them, and mails the user."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Update

from domain.accounts.logins import LoginFailure, SessionEnd
from domain.core.formatting import unlinked
from domain.core.log_events import Event, EventType
from integrations.mail.protocol import Message
from kit.actor import ANONYMOUS
from kit.background_tasks import BackgroundTasks
from kit.scope import Scope
from kit.security.allowances import Allowance, Allowances
from kit.security.event_counts import SecurityCounts
from models.accounts.users import User, owners_of
from resolvers.accounts.outgoing_mail import MailKind, send_later
from resolvers.accounts.security_emails import Letter, owners_changed
from resolvers.core.transactions import perform
from resolvers.tenants.tenants import own_tenant

FAILURES_LOGGED: Final = Allowance("failed logins logged", 20, timedelta(hours=1))
"""Per account, so that guessing can't fill the log. The metrics count all of them."""


def log_security_event(
    scope: Scope, type: EventType, user_id: UUID, *, reason: str | None = None
) -> None:
    """Logs an event of a user's account, and counts it after the commit."""
    scope.emit(Event(type, "User", user_id, reason=reason))

    async def count() -> None:
        scope.service(SecurityCounts).add(type.value.lower(), reason or "")

    scope.after_commit(count)


def record_failed_login(scope: Scope, user: User | None, failure: LoginFailure) -> None:
    """Counts a failed login, and logs it for a known account unless there are too many.

    Runs in the background, because the response must not take longer for a known account.
    """
    scope.service(SecurityCounts).add(EventType.LOGIN_FAILED.value.lower(), failure)
    if user is None:
        return
    tenant_id, user_id = user.tenant_id, user.id

    async def log(writing: Scope) -> None:
        await writing.enter(tenant_id)
        await writing.lock()
        writing.emit(Event(EventType.LOGIN_FAILED, "User", user_id, reason=failure))

    async def write() -> None:
        if not await scope.service(Allowances).try_to_spend(FAILURES_LOGGED, str(user_id)):
            await perform(scope.runtime, ANONYMOUS, scope.request, log)

    scope.service(BackgroundTasks).start("failed login logged", write())


async def end_sessions(scope: Scope, user_id: UUID, ended: Update, why: SessionEnd) -> None:
    """Ends sessions by a statement, and logs it if there were any."""
    if (await scope.run(ended)).rowcount:
        log_security_event(scope, EventType.SESSIONS_ENDED, user_id, reason=why)


def mail_user(scope: Scope, user: User, letter: Letter) -> None:
    """Mails a user about their account, unless the address is unverified."""
    if user.email_verified_at is None:
        return
    text = f"Hello {unlinked(user.name)},\n\n{letter.text}\n"
    message = Message(to=user.email, subject=letter.subject, text=text)
    send_later(scope, message, MailKind.ACCOUNT)


async def mail_owners(scope: Scope, changed: User, *, is_owner: bool) -> None:
    """Mails the other owners that a user has become an owner, or isn't one any more.

    Runs in the change itself, because the owners may be others a moment later.
    """
    letter = owners_changed(await own_tenant(scope), changed, is_owner=is_owner)
    for owner in await scope.all(owners_of(scope.tenant_id)):
        if owner.id not in (changed.id, scope.actor.user_id):
            mail_user(scope, owner, letter)
