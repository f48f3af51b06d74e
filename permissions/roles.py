"""Permissions, and the roles that grant them, for all rows or for own rows only."""

from enum import StrEnum, auto
from typing import Final

from domain.accounts.users import Role


class Permission(StrEnum):
    """A permission.

    PUBLIC needs no login, MEMBER the login of a person, PLATFORM_READ a key of the operator.
    """

    PUBLIC = "public"
    MEMBER = "member"
    TENANT_READ = "tenant:read"
    PLAN_READ = "plan:read"
    TENANT_WRITE = "tenant:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    USERS_ROLES = "users:roles"
    ROOMS_READ = "rooms:read"
    ROOMS_WRITE = "rooms:write"
    PRICES_READ = "prices:read"
    HOURS_READ = "hours:read"
    HOURS_WRITE = "hours:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    CUSTOMERS_CONTACT = "customers:contact"
    CUSTOMERS_NOTES = "customers:notes"
    AVAILABILITY_READ = "availability:read"
    BOOKINGS_READ = "bookings:read"
    BOOKINGS_WRITE = "bookings:write"
    BOOKINGS_MANAGE = "bookings:manage"
    BOOKINGS_OVERRIDE = "bookings:override"
    BOOKINGS_HISTORY = "bookings:history"
    FEEDS_READ = "feeds:read"
    FEEDS_WRITE = "feeds:write"
    NOTIFICATIONS_READ = "notifications:read"
    NOTIFICATIONS_WRITE = "notifications:write"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_REFUND = "payments:refund"
    AUDIT_READ = "audit:read"
    API_KEYS_READ = "api-keys:read"
    API_KEYS_WRITE = "api-keys:write"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    ANALYTICS_READ = "analytics:read"
    IMPORTS_READ = "imports:read"
    IMPORTS_WRITE = "imports:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    SUPPORT_READ = "support:read"
    SUPPORT_WRITE = "support:write"
    ARTICLES_READ = "articles:read"
    ARTICLES_WRITE = "articles:write"
    PLATFORM_READ = "platform:read"


class GrantScope(StrEnum):
    """The scope of a grant: every row of the tenant, or the actor's own rows."""

    ANY = auto()
    OWN = auto()


P = Permission
"""A short name, because every field uses it."""

_EVERYBODY: Final = {P.PUBLIC}
_GUEST: Final = {
    P.MEMBER, P.TENANT_READ, P.ROOMS_READ, P.PRICES_READ, P.HOURS_READ, P.AVAILABILITY_READ,
}  # fmt: skip
_GUESTS_OWN: Final = {
    P.CUSTOMERS_READ, P.CUSTOMERS_CONTACT, P.BOOKINGS_READ, P.BOOKINGS_WRITE, P.PAYMENTS_READ,
    P.FEEDS_READ, P.FEEDS_WRITE, P.SUPPORT_READ, P.SUPPORT_WRITE, P.ARTICLES_READ,
}  # fmt: skip
_STAFF: Final = _GUEST | _GUESTS_OWN | {
    P.CUSTOMERS_WRITE, P.CUSTOMERS_NOTES, P.BOOKINGS_MANAGE, P.BOOKINGS_OVERRIDE, P.USERS_READ,
    P.BOOKINGS_HISTORY, P.PLAN_READ,
}  # fmt: skip
_MANAGER: Final = _STAFF | {
    P.ROOMS_WRITE, P.HOURS_WRITE, P.AUDIT_READ, P.PAYMENTS_REFUND, P.ANALYTICS_READ,
    P.NOTIFICATIONS_READ, P.NOTIFICATIONS_WRITE,
    P.IMPORTS_READ, P.IMPORTS_WRITE, P.ARTICLES_WRITE,
}  # fmt: skip
_ADMIN: Final = _MANAGER | {
    P.TENANT_WRITE, P.USERS_WRITE, P.USERS_ROLES, P.API_KEYS_READ, P.API_KEYS_WRITE, P.BILLING_READ,
    P.BILLING_WRITE, P.WEBHOOKS_READ, P.WEBHOOKS_WRITE,
}  # fmt: skip


def _any(permissions: set[Permission]) -> dict[Permission, GrantScope]:
    return dict.fromkeys(permissions, GrantScope.ANY)


GRANTS: Final[dict[Role | None, dict[Permission, GrantScope]]] = {
    None: _any(_EVERYBODY),
    Role.CUSTOMER: _any(_EVERYBODY | _GUEST) | dict.fromkeys(_GUESTS_OWN, GrantScope.OWN),
    Role.STAFF: _any(_EVERYBODY | _STAFF),
    Role.MANAGER: _any(_EVERYBODY | _MANAGER),
    Role.ADMIN: _any(_EVERYBODY | _ADMIN),
    Role.OWNER: _any(_EVERYBODY | _ADMIN),
}
"""Grants by role; None is a caller who isn't logged in. Everything else is forbidden."""

FOR_OPERATORS: Final = frozenset({P.PLATFORM_READ})
"""The permissions of the platform's operator, who has no tenant: not even PUBLIC."""

FOR_KEYS: Final = frozenset(P) - {
    P.PUBLIC, P.MEMBER, P.USERS_ROLES, P.API_KEYS_READ, P.API_KEYS_WRITE, P.PLATFORM_READ,
}  # fmt: skip
"""The permissions that an API key can have.

Not MEMBER, which needs a person. A key can't create keys, nor invite or promote users: who can
invite an admin is as powerful as one.
"""
