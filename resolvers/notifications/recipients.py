"""Who gets notifications: the customer of a booking, or the venue's team."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self
from uuid import UUID

from sqlmodel import col

from domain.accounts.users import Role
from domain.core.contact import normalised_email
from domain.core.phones import phone_digits
from domain.notifications.kinds import Channel
from kit.scope import Scope
from models.accounts.users import User, user_for_customer, users_of
from models.bookings.bookings import Booking
from models.core.filters import is_any
from models.customers.customers import Customer, customers_of
from models.notifications.deliveries import NotificationDelivery

MAX_TEAM: Final = 200
"""The most members of a team that are notified; the first of them."""
_TEAM: Final = tuple(role.value for role in Role if role is not Role.CUSTOMER)
_DEFAULT_LOCALE: Final = "en"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A customer or a user of the team, and where they can be reached.

    ``account_id`` is the user whose inbox and browsers are theirs. ``is_verified``: they have
    proved that the address is theirs.
    """

    id: UUID
    is_customer: bool
    name: str = field(repr=False)
    locale: str = _DEFAULT_LOCALE
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    account_id: UUID | None = None
    is_verified: bool = False

    @classmethod
    def of_customer(cls, customer: Customer, user: User | None, booking: Booking | None) -> Self:
        """Returns the customer of a booking, by the name and number given for it, if any."""
        name, phone = (booking.contact_name, booking.contact_phone) if booking else (None, None)
        has_account = user is not None and user.has_joined
        return cls(
            customer.id,
            is_customer=True,
            name=name or customer.name,
            locale=customer.locale or _DEFAULT_LOCALE,
            email=customer.email,
            phone=phone or customer.phone,
            account_id=user.id if user is not None and has_account else None,
            is_verified=user is not None
            and user.email_verified_at is not None
            and user.email_key == customer.email_key,
        )

    @classmethod
    def of_user(cls, user: User) -> Self:
        return cls(
            user.id,
            is_customer=False,
            name=user.name,
            email=user.email,
            account_id=user.id,
            is_verified=user.email_verified_at is not None,
        )

    def address(self, channel: Channel) -> str | None:
        """Returns where a channel reaches them: the address, the number, or their account."""
        match channel:
            case Channel.EMAIL:
                return self.email
            case Channel.SMS:
                return self.phone
            case Channel.PUSH | Channel.IN_APP:
                return None if self.account_id is None else str(self.account_id)


def address_hash(tenant_id: UUID, channel: Channel, address: str) -> bytes:
    """Returns the hash by which an address is known that nothing can be delivered to."""
    key = phone_digits(address) if channel is Channel.SMS else normalised_email(address)
    return sha256(f"{tenant_id} {channel} {key or address}".encode()).digest()


async def customer_of(scope: Scope, customer_id: UUID, booking: Booking | None) -> Recipient | None:
    """Returns the recipient who is a customer; None if they were merged into another one."""
    customer = await scope.one(customers_of(scope.tenant_id).where(col(Customer.id) == customer_id))
    if customer is None:
        return None
    user = await scope.one(user_for_customer(scope.tenant_id, customer_id))
    return Recipient.of_customer(customer, user, booking)


async def team(scope: Scope, *, without: UUID | None = None) -> Sequence[Recipient]:
    """Returns the team of the venue, but for whoever did it themselves."""
    members = users_of(scope.tenant_id).where(
        is_any(User.role, _TEAM),
        col(User.password_hash).is_not(None),
        col(User.deactivated_at).is_(None),
    )
    found = await scope.all(members.order_by(col(User.created_at), col(User.id)).limit(MAX_TEAM))
    return [Recipient.of_user(each) for each in found if each.id != without]


async def recipient_of(
    scope: Scope, delivery: NotificationDelivery, booking: Booking | None
) -> Recipient | None:
    """Returns the recipient of a delivery, as they can be reached now."""
    if delivery.customer_id is not None:
        return await customer_of(scope, delivery.customer_id, booking)
    user = await scope.one(users_of(scope.tenant_id).where(col(User.id) == delivery.user_id))
    return Recipient.of_user(user) if user is not None and user.has_joined else None
