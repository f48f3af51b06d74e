"""Mails users about entries of the log that concern their accounts, after the commit."""

from typing import Final

from sqlmodel import col

from domain.accounts.logins import SessionEnd
from domain.accounts.users import Role
from domain.core.log_events import EventType, LoggedEvent
from kit.scope import Scope
from models.accounts.api_keys import ApiKey, api_keys_of
from models.accounts.users import user_of
from models.tenants import Tenant
from resolvers.accounts.security_emails import (
    Letter,
    account_closed,
    key_made,
    password_changed,
    role_changed,
    session_stolen,
)
from resolvers.accounts.security_events import mail_user
from resolvers.tenants.tenants import own_tenant

NOTIFIED_OF: Final = frozenset(
    {
        EventType.API_KEY_CREATED,
        EventType.PASSWORD_CHANGED,
        EventType.PASSWORD_RESET,
        EventType.SESSIONS_ENDED,
        EventType.USER_DEACTIVATED,
        EventType.USER_ROLE_CHANGED,
    }
)
"""The events that users are notified of; of ended sessions, only stolen ones."""


async def mail_security_notice(scope: Scope, event: LoggedEvent) -> None:
    """Mails a user about an event of their account."""
    tenant, user_id = await own_tenant(scope), event.subject_id
    if event.type is EventType.API_KEY_CREATED:
        keys = api_keys_of(scope.tenant_id)
        key = await scope.one(keys.where(col(ApiKey.id) == event.subject_id))
        assert key is not None, "keys are never removed"
        letter, user_id = key_made(tenant, key), key.created_by_id
    else:
        found = _letter(tenant, event)
        if found is None:
            return
        letter = found
    user = await scope.one(user_of(scope.tenant_id, user_id))
    assert user is not None, "users are never removed"
    mail_user(scope, user, letter)


def _letter(tenant: Tenant, event: LoggedEvent) -> Letter | None:
    """Returns the mail about an event of a user, if it needs one."""
    match event.type:
        case EventType.PASSWORD_CHANGED | EventType.PASSWORD_RESET:
            return password_changed(tenant, at=event.at)
        case EventType.SESSIONS_ENDED if event.reason == SessionEnd.REUSED:
            return session_stolen(tenant)
        case EventType.USER_ROLE_CHANGED:
            assert event.after is not None
            return role_changed(tenant, Role(str(event.after["role"])))
        case EventType.USER_DEACTIVATED:
            return account_closed(tenant)
        case _:
            return None
