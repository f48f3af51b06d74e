"""Users: the people who log in, and what they may."""

from datetime import datetime
from typing import Any

import strawberry

import models
from domain.accounts.users import Role
from domain.core.log_events import EventType
from kit.graphql.cost import Cost
from kit.scope import Scope
from permissions.roles import P
from resolvers.accounts import users
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, query, related
from schema.core.mutations import mutation, payload
from schema.customers import Customer
from schema.tenants.tenants import Tenant

describe(
    Role,
    "What a user may do in their tenant, from the most trusted down.",
    OWNER="Everything; a tenant always has one.",
    ADMIN="Everything but the ownership: settings and users too.",
    MANAGER="Runs the venue: rooms, hours, customers, bookings, the audit log.",
    STAFF="Runs the desk: customers and bookings.",
    CUSTOMER="Sees the venue, and books for themselves only.",
)


@node(models.User, visible=users.visible_users, requires=P.MEMBER)
class User(Node):
    """Somebody who logs in, with one role in one tenant."""

    email: str = column("For logging in, and for mail; as it was given.")
    name: str = column("What people call them.")
    role: Role = column("What they are in their tenant.")
    permissions: list[str] = computed(users.permissions_held)
    tenant: Tenant = related("Where they belong.")
    customer: Customer | None = related(
        'The customer this user is, for role CUSTOMER: the owner of "their" bookings. Null until '
        "their address is verified.",
        requires=P.CUSTOMERS_READ,
    )
    email_verified_at: datetime | None = column(
        "When it was proved that the address is theirs; null: not yet."
    )
    last_login_at: datetime | None = column("When they last logged in; null: never.")
    deactivated_at: datetime | None = column("Since when they can't log in; null while they can.")
    created_at: datetime = column("When they were invited, or registered the tenant.")


@strawberry.type
class UserQueries:
    viewer: User | None = query(users.viewer, requires=P.MEMBER, cost=Cost(5))
    users: Connection[User] | None = connection(users.users, requires=P.USERS_READ)


async def _invitation_token(_: Scope, __: Any) -> str | None:
    """Always null: the code goes to the invited person alone; it works once, for 7 days."""
    return None


@payload
class InviteUserPayload:
    """Who was invited."""

    user: User | None
    invitation_token: str | None = computed(
        _invitation_token, deprecated="Read the mail to the invited person. Removal on 2027-06-30."
    )


@payload
class ChangeUserRolePayload:
    """The user, in their new role."""

    user: User | None


@payload
class DeactivateUserPayload:
    """The user, whose account is closed."""

    user: User | None


@strawberry.type
class UserMutations:
    invite_user: InviteUserPayload | None = mutation(
        users.invite_user,
        requires=P.USERS_ROLES,
        emits=[EventType.USER_INVITED, EventType.CUSTOMER_CREATED],
    )
    change_user_role: ChangeUserRolePayload | None = mutation(
        users.change_user_role,
        requires=P.USERS_ROLES,
        emits=[EventType.USER_ROLE_CHANGED],
        wrapped=False,
    )
    deactivate_user: DeactivateUserPayload | None = mutation(
        users.deactivate_user,
        requires=P.USERS_WRITE,
        emits=[EventType.USER_DEACTIVATED, EventType.API_KEY_REVOKED],
    )
