"""How a tenant begins: a venue with hours, a plan, and its owner."""

from dataclasses import dataclass
from typing import Annotated, Final

from typing_extensions import Doc

from domain.errors import Duplicate, Refusal
from domain.hours import LocalInterval, Weekday
from domain.money import CurrencyCode
from domain.tenants import subdomain_refusals
from domain.users import Role, email_refusals, name_refusals, normalised_email, password_refusals
from domain.venue_time import LocalTime, TimeZone
from kit.passwords import Passwords
from kit.scope import Scope
from models.hours import WeekdayHours, as_pairs
from models.tenants import Tenant, inserted_unless_taken, tenant_id_of, tenant_of
from models.users import User
from resolvers.passwords import NewPassword
from resolvers.sessions import SignedIn, begin_session

FIRST_HOURS: Final = (LocalInterval(LocalTime(9 * 60), LocalTime(21 * 60)),)


@dataclass(frozen=True, slots=True)
class Registered:
    """A new tenant, and its owner logged in."""

    session: SignedIn
    tenant: Tenant


async def register_tenant(
    scope: Scope,
    *,
    name: Annotated[str, Doc("The business's; at most 100 characters.")],
    subdomain: Annotated[
        str, Doc("For logging in: 3 to 63 lowercase letters, digits and hyphens. For good.")
    ],
    time_zone: Annotated[TimeZone, Doc("The venue's wall clock.")],
    currency_code: Annotated[CurrencyCode, Doc("The currency of all its prices. For good.")],
    owner_name: Annotated[str, Doc("At most 100 characters.")],
    owner_email: Annotated[str, Doc("For logging in, and for mail.")],
    password: NewPassword,
) -> Registered:
    """Open a business: on the Starter plan, open daily from 09:00 to 21:00, its owner logged in."""
    name, owner_name = name.strip(), owner_name.strip()
    refused: list[Refusal] = [
        *name_refusals(name, path=("name",)),
        *subdomain_refusals(subdomain, path=("subdomain",)),
        *name_refusals(owner_name, path=("owner_name",)),
        *email_refusals(owner_email, path=("owner_email",)),
        *password_refusals(password, email=owner_email, path=("password",)),
    ]
    taken = Duplicate("subdomain", path=("subdomain",))
    if await scope.peek(tenant_id_of(subdomain)) is not None:
        refused.append(taken)
    email = normalised_email(owner_email)
    if refused or email is None:
        raise ExceptionGroup("refused", refused)
    password_hash = await scope.use(Passwords).hash(password)

    new = Tenant(
        name=name,
        subdomain=subdomain,
        time_zone=time_zone,
        currency_code=currency_code,
        created_at=scope.now(),
    )
    await scope.enter(new.id)
    await scope.lock()
    # Somebody else may have been quicker.
    if await scope.value(inserted_unless_taken(new)) is None:
        raise taken
    tenant = await scope.one(tenant_of(new.id))
    assert tenant is not None, "it was stored a moment ago"
    for day in Weekday:
        scope.add(
            WeekdayHours(tenant_id=tenant.id, weekday=day.value, minutes=as_pairs(FIRST_HOURS))
        )
    owner = User(
        tenant_id=tenant.id,
        email=email,
        name=owner_name,
        role=Role.OWNER.value,
        password_hash=password_hash,
        created_at=scope.now(),
    )
    scope.add(owner)
    await scope.flush()
    return Registered(await begin_session(scope, owner), tenant)
