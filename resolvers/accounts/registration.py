"""Registers tenants, and signs up customers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from typing_extensions import Doc

from domain.accounts.users import Role, password_refusals
from domain.core.contact import email_refusals, name_refusals, normalised_email
from domain.core.local_time import TimeZone
from domain.core.log_events import Event, EventType
from domain.core.money import CurrencyCode
from domain.core.refusals import Duplicate, NotFound, Refusal
from domain.core.text import tidy_name
from domain.customers.customers import refusals as customer_refusals
from domain.customers.customers import tidy
from domain.tenants.subdomains import subdomain_refusals
from kit.scope import Scope
from kit.security.allowances import Allowance, Allowances
from kit.security.network_addresses import network_of
from kit.security.passwords import Passwords
from models.accounts.users import User
from models.core.base import snapshot
from models.tenants import Tenant, inserted_unless_taken, tenant_id_of, tenant_of
from resolvers.accounts.email_verification import send_verification
from resolvers.accounts.hooks import TenantRegistered
from resolvers.accounts.passwords import NewPassword
from resolvers.accounts.sessions import ACCOUNTS, SignedIn, begin_session
from resolvers.core.hooks import run_handlers

TENANTS: Final = Allowance("tenants registered", 3, timedelta(days=1))
"""Registrations per network; owners of more venues contact the operator."""
SIGN_UPS: Final = Allowance("customers signed up", 20, timedelta(hours=1))
"""Sign-ups per network, over all venues: many guests share the network of a venue."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A new tenant, and its owner logged in."""

    session: SignedIn
    tenant: Tenant


async def register_tenant(
    scope: Scope,
    *,
    name: Annotated[str, Doc("The name of the business: at most 100 characters.")],
    subdomain: Annotated[
        str,
        Doc(
            "The name that users log in with: 3 to 63 lowercase letters, digits and "
            "hyphens. It can't be changed later."
        ),
    ],
    time_zone: Annotated[TimeZone, Doc("The time zone of the venue.")],
    currency_code: Annotated[
        CurrencyCode, Doc("The currency of all prices of the venue. It can't be changed later.")
    ],
    owner_name: Annotated[str, Doc("The name of the owner: at most 100 characters.")],
    owner_email: Annotated[
        str, Doc("The owner's e-mail address, to log in with and for notifications.")
    ],
    password: NewPassword,
) -> Registered:
    """Register a business, and log in its owner.

    The business starts on the Starter plan and is open daily from 09:00 to 21:00. At most 3
    registrations a day are accepted from one network address.
    """
    name, owner_name = tidy_name(name), tidy_name(owner_name)
    refused: list[Refusal] = [
        *name_refusals(name, path=("name",)),
        *subdomain_refusals(subdomain, path=("subdomain",)),
        *name_refusals(owner_name, path=("owner_name",)),
        *email_refusals(owner_email, path=("owner_email",)),
        *password_refusals(
            password, email=owner_email, words=[name, subdomain, owner_name], path=("password",)
        ),
    ]
    taken = Duplicate("subdomain", path=("subdomain",))
    if await scope.read_outside(tenant_id_of(subdomain)) is not None:
        refused.append(taken)
    email = normalised_email(owner_email)
    if refused or email is None:
        raise ExceptionGroup("refused", refused)
    await scope.service(Allowances).spend(TENANTS, network_of(scope.request.ip_address))
    password_hash = await scope.service(Passwords).hash(password)

    new = Tenant(
        name=name,
        subdomain=subdomain,
        time_zone=time_zone,
        currency_code=currency_code,
        created_at=scope.now(),
    )
    await scope.enter(new.id)
    await scope.lock()
    # Another registration may have taken the subdomain.
    if await scope.value(inserted_unless_taken(new)) is None:
        raise taken
    tenant = await scope.one(tenant_of(new.id))
    assert tenant is not None, "it was stored a moment ago"
    await run_handlers(scope, TenantRegistered(tenant))
    owner = User(
        tenant_id=tenant.id,
        email=owner_email.strip(),
        email_key=email,
        name=owner_name,
        role=Role.OWNER.value,
        password_hash=password_hash,
        created_at=scope.now(),
    )
    scope.add(owner)
    await scope.flush()
    await send_verification(scope, owner)
    return Registered(await begin_session(scope, owner), tenant)


async def register_customer(
    scope: Scope,
    *,
    subdomain: Annotated[str, Doc("The subdomain of the venue.")],
    name: Annotated[str, Doc("The name of the customer: at most 100 characters.")],
    email: Annotated[
        str,
        Doc(
            "The customer's e-mail address, to log in with and for "
            "notifications. A code to verify it is sent there."
        ),
    ],
    phone: Annotated[
        str | None, Doc("The customer's phone number, such as '+1 212 555 0100'.")
    ] = None,
    password: NewPassword,
) -> SignedIn:
    """Sign up as a customer of a venue, and log in.

    The result is the same whether or not the e-mail address is already known; if it is, the e-mail
    says so and has no code. At most 20 registrations an hour are accepted from one network address.

    Until the address is verified, the customer can hold times but not book them, and can't log in
    again with the address and password. After that the user belongs to the venue's customer with
    this address, including earlier bookings, or to a new one.
    """
    name, address = tidy_name(name), normalised_email(email)
    refused: list[Refusal] = [
        *customer_refusals(name=name, email=tidy(email) or "", phone=tidy(phone), locale=None),
    ]
    tenant_id = await scope.read_outside(tenant_id_of(subdomain.strip().lower()))
    words = [subdomain, name]
    if tenant_id is not None:
        await scope.enter(tenant_id)
        venue = await scope.read_outside(tenant_of(tenant_id))
        words += [venue.name] if venue else []
    refused += password_refusals(password, email=email, words=words, path=("password",))
    if tenant_id is None:
        refused.append(NotFound("venue", path=("subdomain",)))
    if refused or address is None or tenant_id is None:
        raise ExceptionGroup("refused", refused)
    await scope.service(Allowances).spend(SIGN_UPS, network_of(scope.request.ip_address))
    password_hash = await scope.service(Passwords).hash(password)

    await scope.lock(ACCOUNTS)
    user = User(
        tenant_id=tenant_id,
        email=email.strip(),
        email_key=address,
        name=name,
        role=Role.CUSTOMER.value,
        password_hash=password_hash,
        phone=tidy(phone),
        created_at=scope.now(),
    )
    scope.add(user)
    await scope.flush()
    await send_verification(scope, user)
    session = await begin_session(scope, user)
    scope.emit(Event(EventType.USER_JOINED, "User", user.id, after=snapshot(user)))
    return session
