"""Users: lists, invites and deactivates them, and changes their roles."""

from typing import Annotated
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.accounts.refusals import EmailNotVerified
from domain.accounts.users import Role
from domain.core.contact import email_refusals, name_refusals, normalised_email
from domain.core.ids import UserId
from domain.core.log_events import Event, EventType
from domain.core.refusals import Duplicate, Invalid, Path, Refusal
from domain.core.text import tidy_name
from domain.customers.customers import NewCustomer
from kit.errors import Forbidden
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from kit.security.allowances import Allowances
from models.accounts.sessions import Purpose, sessions_ended
from models.accounts.users import (
    User,
    owners_counted,
    user_for_customer,
    user_of,
    user_with_email,
    users_of,
)
from models.core.base import snapshot
from permissions.policy import may, may_manage, own_user_id, permissions_of
from permissions.roles import P
from resolvers.accounts.api_keys import revoke_keys_of
from resolvers.accounts.authentication import lock_of
from resolvers.accounts.mailed_tokens import (
    invitation_letter,
    mailed_token,
    redeem,
    spend_mailed_tokens,
)
from resolvers.accounts.outgoing_mail import PER_RECIPIENT, MailKind, send_later
from resolvers.accounts.passwords import NewPassword
from resolvers.accounts.security_events import mail_owners
from resolvers.accounts.sessions import ACCOUNTS, SignedIn, begin_session
from resolvers.core.lookups import get_or_refuse
from resolvers.customers.customers import customer_with_login
from resolvers.tenants.tenants import own_tenant


def visible_users(scope: Scope) -> Select[User]:
    users = users_of(scope.tenant_id)
    if not may(scope.actor, P.USERS_READ):
        users = users.where(col(User.id) == scope.actor.user_id)
    return users


async def viewer(scope: Scope) -> User | None:
    """The user who is logged in."""
    if scope.actor.user_id is None:
        return None
    return await scope.one(user_of(scope.tenant_id, scope.actor.user_id))


def users(scope: Scope) -> Listing[User]:
    """The users of the tenant, in the order in which they were added."""
    return Listing(User, visible_users(scope), (Order(User.created_at),))


async def permissions_held(_: Scope, user: User) -> list[str]:
    """The permissions of the user's role.

    Those that end with `:own` cover only the user's own records.
    """
    return permissions_of(Role(user.role))


async def invite_user(
    scope: Scope,
    *,
    email: Annotated[
        str, Doc("The e-mail address to send the invitation to. The user logs in with it.")
    ],
    name: Annotated[str, Doc("The name of the user: at most 100 characters.")],
    role: Annotated[Role, Doc("The role of the user, which can't be above the caller's own.")],
) -> User:
    """Invite somebody by e-mail.

    People who haven't joined yet, or who were deactivated, can be invited again. The code to join
    with is only in the e-mail, and replaces the code of an earlier invitation. A user with the role
    CUSTOMER is linked to the customer with the same e-mail address, who is added if there is none.
    """
    name = tidy_name(name)
    address = normalised_email(email)
    refused: list[Refusal] = [
        *email_refusals(email, path=("email",)),
        *name_refusals(name, path=("name",)),
    ]
    if refused or address is None:
        raise ExceptionGroup("refused", refused)
    await _check_verified(scope)
    # Checked here, not when the mail is sent, so that the inviting user gets the refusal.
    await scope.service(Allowances).spend(PER_RECIPIENT, address)
    await scope.lock(ACCOUNTS)
    user = await scope.one(user_with_email(scope.tenant_id, address))
    if user is not None and user.has_joined:
        raise Duplicate("e-mail address", path=("email",))
    _check_rank(scope, role, Role(user.role) if user else role)

    before = snapshot(user) if user else None
    customer_id = None
    if role is Role.CUSTOMER:
        customer_id = await _customer_id(scope, name=name, email=email, user=user)
    if user is None:
        user = User(
            tenant_id=scope.tenant_id,
            email=email.strip(),
            email_key=address,
            name=name,
            role=role.value,
            customer_id=customer_id,
            created_at=scope.now(),
        )
        scope.add(user)
    else:
        user.name, user.role, user.customer_id = name, role.value, customer_id
        await spend_mailed_tokens(scope, user.id)
    await scope.flush()
    token = mailed_token(scope, user, Purpose.INVITATION)
    letter = invitation_letter(await own_tenant(scope), user, token)
    send_later(scope, letter, MailKind.INVITATION)
    scope.emit(Event(EventType.USER_INVITED, "User", user.id, before=before, after=snapshot(user)))
    return user


async def accept_invitation(
    scope: Scope,
    *,
    token: Annotated[str, Doc("The code from the invitation. It can be used once, within 7 days.")],
    password: NewPassword,
) -> SignedIn:
    """Accept an invitation by setting a password, and log in."""
    user = await redeem(scope, token, Purpose.INVITATION, password=password, also=[ACCOUNTS])
    before = snapshot(user)
    user.deactivated_at = None
    # One may have been created while the account was being closed.
    await revoke_keys_of(scope, user)
    # The invitation came by mail.
    user.email_verified_at = user.email_verified_at or scope.now()
    session = await begin_session(scope, user)
    scope.emit(Event(EventType.USER_JOINED, "User", user.id, before=before, after=snapshot(user)))
    if user.role == Role.OWNER:
        await mail_owners(scope, user, is_owner=True)
    return session


async def change_user_role(
    scope: Scope,
    id: Annotated[UserId, Doc("The id of the user.")],
    *,
    role: Annotated[Role, Doc("The new role: any but CUSTOMER.")],
) -> User:
    """Change the role of a user. It takes effect within a second.

    Nobody can give or change a role above their own, the last owner keeps their role, and a
    customer remains a customer.
    """
    await scope.lock(ACCOUNTS, lock_of(id))
    user = await get_or_refuse(scope, visible_users(scope), id, what="user")
    if user.role == role:
        return user
    if Role.CUSTOMER in (role, user.role):
        raise Invalid("A customer can't become a team member, or the reverse.", path=("role",))
    _check_rank(scope, role, Role(user.role))
    await _check_owner_stays(scope, user, path=("role",))
    before = snapshot(user)
    user.role = role.value
    scope.emit(
        Event(EventType.USER_ROLE_CHANGED, "User", user.id, before=before, after=snapshot(user))
    )
    if Role.OWNER in (before["role"], role):
        await mail_owners(scope, user, is_owner=role is Role.OWNER)
    return user


async def deactivate_user(scope: Scope, id: Annotated[UserId, Doc("The id of the user.")]) -> User:
    """Deactivate a user. Their sessions and API keys end within a second, and stay ended.

    Nobody can deactivate a user with a role above their own, or the last owner.
    """
    await scope.lock(ACCOUNTS, lock_of(id))
    user = await get_or_refuse(scope, visible_users(scope), id, what="user")
    if user.deactivated_at is not None:
        return user
    _check_rank(scope, Role(user.role))
    await _check_owner_stays(scope, user, path=("id",))
    before = snapshot(user)
    user.deactivated_at = scope.now()
    await scope.run(sessions_ended(user.tenant_id, user.id, at=scope.now()))
    await spend_mailed_tokens(scope, user.id)
    await revoke_keys_of(scope, user)
    scope.emit(
        Event(EventType.USER_DEACTIVATED, "User", user.id, before=before, after=snapshot(user))
    )
    if user.role == Role.OWNER:
        await mail_owners(scope, user, is_owner=False)
    return user


def _check_rank(scope: Scope, *roles: Role) -> None:
    for role in roles:
        if not may_manage(scope.actor, role):
            raise Forbidden(f"You can't give the role {role}, or change users who have it.")


async def _check_verified(scope: Scope) -> None:
    """Raises EmailNotVerified if the caller's own address is unverified."""
    me = await scope.read_outside(user_of(scope.tenant_id, own_user_id(scope.actor)))
    if me is None or me.email_verified_at is None:
        raise EmailNotVerified


async def _check_owner_stays(scope: Scope, user: User, *, path: Path) -> None:
    is_counted = user.role == Role.OWNER and user.has_joined
    if is_counted and await scope.value(owners_counted(scope.tenant_id)) == 1:
        raise Invalid("A tenant needs an owner; make another user an owner first.", path=path)


async def _customer_id(scope: Scope, *, name: str, email: str, user: User | None) -> UUID:
    """Returns the customer to link to a user with this address."""
    customer_id = await customer_with_login(scope, NewCustomer(name=name, email=email))
    other = await scope.one(user_for_customer(scope.tenant_id, customer_id))
    if other is not None and (user is None or other.id != user.id):
        # The customer's address was changed after their user had joined with the old one.
        raise Duplicate("customer record", path=("email",))
    return customer_id
