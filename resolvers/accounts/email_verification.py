"""Verifies users' e-mail addresses by a code that is mailed there."""

from typing import Annotated

from typing_extensions import Doc

from domain.accounts.refusals import InvalidCredentials
from domain.accounts.users import Role
from domain.core.log_events import Event, EventType
from kit.scope import Scope
from models.accounts.sessions import Purpose
from models.accounts.users import User, user_for_customer, user_with_email
from models.core.base import snapshot
from models.customers.customers import Customer, customers_of, with_address
from permissions.policy import own_user_id
from resolvers.accounts.authentication import actor_for, locked_user
from resolvers.accounts.mailed_tokens import (
    known_letter,
    mailed_token,
    redeem_alone,
    verification_letter,
    was_just_mailed,
)
from resolvers.accounts.outgoing_mail import MailKind, send_later
from resolvers.accounts.sessions import ACCOUNTS
from resolvers.customers.customers import known_or_added
from resolvers.tenants.tenants import own_tenant


async def request_email_verification(scope: Scope) -> None:
    """E-mail the caller a new code to verify their e-mail address.

    At most one e-mail a minute is sent, and none if the address is already verified.
    """
    user = await locked_user(scope, own_user_id(scope.actor))
    if user is None or user.email_verified_at is not None:
        return
    if not await was_just_mailed(scope, user, Purpose.VERIFICATION):
        await send_verification(scope, user)


async def verify_email(
    scope: Scope,
    *,
    token: Annotated[str, Doc("The code from the e-mail. It can be used once, within a day.")],
) -> None:
    """Verify the caller's e-mail address with the code that was e-mailed.

    The caller has to be logged in as the user with that address. For a customer, what requires a
    verified address is available within a second.
    """
    caller_id = scope.actor.user_id
    user = await redeem_alone(scope, token, Purpose.VERIFICATION, also=[ACCOUNTS])
    if user.id != caller_id:
        # An attacker may have signed up with another person's address, and wait for that person
        # to enter the code from the mail.
        raise InvalidCredentials(path=("token",))
    scope.actor = actor_for(user, plan=(await own_tenant(scope)).plan_code)
    await verify_address(scope, user)


async def send_verification(scope: Scope, user: User) -> None:
    """Mails a user the code that verifies their address, or notifies the address's owner.

    Both take the same steps, so that the response time doesn't reveal which it was.
    """
    tenant = await own_tenant(scope)
    owner = await scope.one(user_with_email(user.tenant_id, user.email_key))
    token = mailed_token(scope, user, Purpose.VERIFICATION)
    if owner is None or owner.id == user.id:
        letter = verification_letter(tenant, user, token)
    else:
        letter = known_letter(tenant, owner)
    send_later(scope, letter, MailKind.VERIFICATION)


async def verify_address(scope: Scope, user: User) -> None:
    """Marks a user's address as verified, under the lock of accounts, and links a customer.

    A customer is linked only now, because anyone who knows an address could otherwise see its
    customer's bookings. Raises InvalidCredentials if another user has verified it meanwhile.
    """
    if user.email_verified_at is not None:
        return
    owner = await scope.one(user_with_email(user.tenant_id, user.email_key))
    if owner is not None and owner.id != user.id:
        raise InvalidCredentials(path=("token",))
    before = snapshot(user)
    user.email_verified_at = scope.now()
    if user.role == Role.CUSTOMER and user.customer_id is None:
        user.customer_id = (await _record_of(scope, user)).id
    scope.emit(
        Event(EventType.EMAIL_VERIFIED, "User", user.id, before=before, after=snapshot(user))
    )


async def _record_of(scope: Scope, user: User) -> Customer:
    new = Customer(
        tenant_id=user.tenant_id,
        name=user.name,
        email=user.email,
        email_key=user.email_key,
        phone=user.phone,
        created_at=scope.now(),
    )
    known = await scope.one(with_address(customers_of(user.tenant_id), user.email_key))
    if known is not None:
        other = await scope.one(user_for_customer(user.tenant_id, known.id))
        if other is not None:
            # The venue gave the address to another user's record, which isn't shared.
            new.email = new.email_key = None
    return await known_or_added(scope, new)
