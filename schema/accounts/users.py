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
from schema.customers.customers import Customer
from schema.tenants.tenants import Tenant

describe(
    Role,
    "What a user can do in their tenant. Roles are listed from the most to the least powerful.",
    OWNER="Can do everything. A tenant always has at least one owner.",
    ADMIN="Can do everything, including settings and users, except manage owners.",
    MANAGER="Manages the venue: rooms, opening hours, customers, bookings and the audit log.",
    STAFF="Works at the front desk: manages customers and bookings.",
    CUSTOMER="A customer of the venue, who can see it and book for themselves.",
)


@node(models.User, visible=users.visible_users, requires=P.MEMBER)
class User(Node):
    """A person who can log in to a tenant, with one role in it."""

    email: str = column(
        "The user's e-mail address, as it was entered. It is used to log in and for notifications."
    )
    name: str = column("The name of the user.")
    role: Role = column("The user's role in the tenant.")
    permissions: list[str] = computed(users.permissions_held)
    tenant: Tenant = related("The tenant that the user belongs to.")
    customer: Customer | None = related(
        "For a user with the role CUSTOMER, their customer record, which their bookings "
        "belong to. Null for other roles, and until the e-mail address is verified.",
        requires=P.CUSTOMERS_READ,
    )
    email_verified_at: datetime | None = column(
        "When the user verified their e-mail address, or null if they haven't."
    )
    last_login_at: datetime | None = column(
        "When the user last logged in, or null if they never did."
    )
    deactivated_at: datetime | None = column(
        "When the account was deactivated, or null if it is active."
    )
    created_at: datetime = column("When the user was invited or registered.")


@strawberry.type
class UserQueries:
    viewer: User | None = query(users.viewer, requires=P.MEMBER, cost=Cost(5))
    users: Connection[User] | None = connection(users.users, requires=P.USERS_READ)


async def _invitation_token(_: Scope, __: Any) -> str | None:
    """Always null: the code is only e-mailed to the invited person."""
    return None


@payload
class InviteUserPayload:
    """The result of `inviteUser`."""

    user: User | None
    invitation_token: str | None = computed(
        _invitation_token, deprecated="Read the mail to the invited person. Removal on 2027-06-30."
    )


@payload
class ChangeUserRolePayload:
    """The result of `changeUserRole`."""

    user: User | None


@payload
class DeactivateUserPayload:
    """The result of `deactivateUser`."""

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
