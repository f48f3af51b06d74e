"""Customers: lists, creates and updates them, and finds them by e-mail address."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import Select, false
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from typing_extensions import Doc

from domain.core.contact import normalised_email
from domain.core.ids import CustomerId
from domain.core.log_events import Event, EventType
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import Duplicate, Invalid, NotFound, Path, Refusal, Required
from domain.core.text import tidy_name
from domain.customers.customers import CustomerChoice, NewCustomer, refusals, tidy
from kit.actor import Actor
from kit.postgres.failures import constraint_name
from kit.postgres.keyset_pagination import Listing
from kit.scope import Scope
from models.core.base import snapshot
from models.customers.customers import (
    ONE_PER_ADDRESS,
    Customer,
    CustomerFilter,
    CustomerOrder,
    Searched,
    customers_matching,
    customers_of,
    customers_shortlisted,
    customers_sorted,
    inserted_unless_known,
    with_address,
)
from models.customers.known import (
    KNOWN,
    WITH_ADDRESS,
    kept_id,
    known_by_address,
)
from permissions.policy import grant_of, may, only_own, refusal
from permissions.roles import GrantScope, P
from resolvers.core.changes import log_change
from resolvers.core.lookups import get_at_version, raise_all


def visible_customers(scope: Scope) -> Select[Customer]:
    """Selects the customers that the caller may see: all, their own record, or none."""
    customers = customers_of(scope.tenant_id)
    match grant_of(scope.actor, P.CUSTOMERS_READ):
        case GrantScope.ANY:
            return customers
        case GrantScope.OWN:
            return customers.where(col(Customer.id) == scope.actor.own_id)
        case None:
            return customers.where(false())


async def customer(
    scope: Scope, id: Annotated[CustomerId, Doc("The id of the customer.")]
) -> Customer | None:
    """Find a customer by id. Null if there is no such customer or the caller can't see it.

    The id of a customer who was merged into another one finds the one that was kept.
    """
    kept = kept_id(scope.tenant_id, id)
    return await scope.one(visible_customers(scope).where(col(Customer.id) == kept))


def customers(
    scope: Scope,
    *,
    filter: Annotated[
        CustomerFilter | None, Doc("Which customers to return; all by default.")
    ] = None,
    order_by: Annotated[
        tuple[CustomerOrder, ...] | None, Doc("How to sort the customers; by name by default.")
    ] = None,
) -> Listing[Customer]:
    """The customers of the venue. A customer who calls sees only their own record."""
    searched, visible = searched_by(scope.actor), visible_customers(scope)
    matching = customers_matching(visible, filter, searched=searched)
    listing = Listing(Customer, matching, customers_sorted(order_by))
    # One's own are few.
    if filter is None or filter.search is None or only_own(scope.actor, P.CUSTOMERS_READ):
        return listing
    return customers_shortlisted(
        listing,
        customers_matching(visible, replace(filter, search=None), searched=searched),
        filter.search,
        searched=searched,
        tenant_id=scope.tenant_id,
    )


def searched_by(actor: Actor) -> Searched:
    """Returns the fields of customers that a caller's search covers: those they may read."""
    name = may(actor, P.CUSTOMERS_READ)
    return Searched(name, contact=name and may(actor, P.CUSTOMERS_CONTACT))


async def create_customer(
    scope: Scope, *, input: Annotated[NewCustomer, Doc("The details of the new customer.")]
) -> Customer:
    """Add a customer. No two customers of a venue have the same e-mail address."""
    await scope.lock()
    new = _new(scope, input, path=("input",))
    await _check_address(scope, new, path=("input", "email"))
    scope.add(new)
    await _store(scope, path=("input", "email"))
    scope.emit(customer_created(new))
    return new


async def update_customer(
    scope: Scope,
    id: Annotated[CustomerId, Doc("The id of the customer.")],
    *,
    version: Annotated[
        int,
        Doc(
            "The version of the customer that you read. If it has changed "
            "since, the mutation is refused with STALE_VERSION."
        ),
    ],
    name: Annotated[str | Absent, Doc("The new name: at most 100 characters.")] = ABSENT,
    email: Annotated[
        str | Absent | None,
        Doc("The new e-mail address, which no other customer of the venue has. Null removes it."),
    ] = ABSENT,
    phone: Annotated[
        str | Absent | None,
        Doc("The new phone number, such as '+1 212 555 0100'. Null removes it."),
    ] = ABSENT,
    locale: Annotated[
        str | Absent | None,
        Doc("The new preferred language: a language tag such as 'en-US'. Null removes it."),
    ] = ABSENT,
    notes: Annotated[
        str | Absent | None,
        Doc("The new internal notes, for the team: at most 2,000 characters. Null removes them."),
    ] = ABSENT,
) -> Customer:
    """Change the details of a customer."""
    changed = await customer_to_change(scope, id, version=version)
    before = snapshot(changed)
    if name is not ABSENT:
        changed.name = tidy_name(name)
    if email is not ABSENT:
        changed.email = tidy(email)
        changed.email_key = normalised_email(email or "")
    if phone is not ABSENT:
        changed.phone = tidy(phone)
    if locale is not ABSENT:
        changed.locale = tidy(locale)
    if notes is not ABSENT:
        changed.notes = tidy(notes)
    _check(changed, path=())
    await _check_address(scope, changed, path=("email",))
    log_change(scope, EventType.CUSTOMER_UPDATED, "Customer", changed, before)
    await _store(scope, path=("email",))
    return changed


async def customer_to_change(scope: Scope, id: CustomerId, *, version: int) -> Customer:
    """Locks a customer and returns them. Raises Forbidden, NotFound, StaleVersion."""
    _check_may_see(scope.actor)
    await scope.lock(("customer", id))
    visible = visible_customers(scope)
    return await get_at_version(scope, visible, id, version=version, what="customer")


@dataclass(frozen=True, slots=True)
class Booker:
    """A booking's customer, and the name and phone that differ from the customer's record.

    A caller who enters a known address may be another person, so the entered name and phone are
    stored with the booking and never change the record.
    """

    customer_id: UUID | None
    contact_name: str | None = None
    contact_phone: str | None = None


async def customer_with_login(scope: Scope, new: NewCustomer) -> UUID:
    """Returns the id of the customer with the new one's own address, or of the new one.

    A login shows all bookings of its customer, so it gets none who was kept instead of another.
    """
    given = _new(scope, new, path=("customer", "new"))
    return (await known_or_added(scope, given)).id


async def booker_for(scope: Scope, choice: CustomerChoice, *, path: Path = ("customer",)) -> Booker:
    """Returns a booking's customer: found by id or e-mail address, or added.

    A known address finds its customer unchanged, and a name and phone that differ are returned
    with it. The id and the address of a customer who was merged into another one find that one. A
    caller with access to only their own record can't name another customer. A scope that only reads
    adds nobody: it is for what refuses the choice. Raises NotFound, Required, and all refusals of a
    new customer as a group.
    """
    if choice.id is not None:
        known_id = await _visible_id(scope, choice.id)
        if known_id is None:
            raise NotFound("customer", path=(*path, "id"))
        return Booker(known_id)
    if choice.new is None:
        raise Required(path=path)
    if only_own(scope.actor, P.CUSTOMERS_READ):
        raise Invalid("You can only book for yourself; leave this out.", path=(*path, "new"))
    given = _new(scope, choice.new, path=(*path, "new"))
    if not scope.writes:
        return Booker(given.id)
    # Read before it is stored, while the row belongs to no session.
    name, phone = given.name, given.phone
    return _as_known(await known_or_added(scope, given, kept_too=True), name, phone)


async def chosen_booker(
    scope: Scope, choice: CustomerChoice | None
) -> tuple[Booker, list[Refusal]]:
    """Whom a booking is for, and what is wrong with the choice; customers book for themselves."""
    if choice is None:
        return Booker(scope.actor.own_id), []
    try:
        return await booker_for(scope, choice), []
    except Refusal as refusal:
        return Booker(None), [refusal]
    except ExceptionGroup as group:
        wrong, others = group.split(Refusal)
        if others is not None:
            raise
        return Booker(None), list(wrong.exceptions) if wrong else []  # type: ignore[arg-type]


async def booker_outside(scope: Scope, new: NewCustomer) -> tuple[Booker, Customer | None] | None:
    """Returns the same for a new customer before any lock, and the customer to add if unknown.

    For a statement that adds them unless somebody else has meanwhile. None if a field is refused.
    """
    given = _given(scope, new)
    if any(_refusals(given, path=())):
        return None
    given.derive()
    if given.email_key is not None:
        (known,) = await scope.read_batch_outside(WITH_ADDRESS, email_key=given.email_key)
        if known:
            return _as_known(known[0], given.name, given.phone), None
    return Booker(given.id), given


def _as_known(known: Any, name: str, phone: str | None) -> Booker:
    return Booker(
        known.id,
        contact_name=name if name != known.name else None,
        contact_phone=phone if phone != known.phone else None,
    )


async def _visible_id(scope: Scope, id: CustomerId) -> UUID | None:
    """Returns the id of a customer that the caller may see, or of the one kept instead.

    Raises Forbidden to callers who may see none.
    """
    _check_may_see(scope.actor)
    if only_own(scope.actor, P.CUSTOMERS_READ) and id != scope.actor.own_id:
        return None
    # Alone: of many who are late for one time, each reads this and nothing else.
    found = await scope.fetch_row(KNOWN, alone=True, tenant_id=scope.tenant_id, id=id)
    return found[0]  # type: ignore[no-any-return]


def _check_may_see(actor: Actor) -> None:
    """Raises Forbidden for callers who may see no customers."""
    if grant_of(actor, P.CUSTOMERS_READ) is None:
        raise refusal(actor, P.CUSTOMERS_READ)


async def known_or_added(scope: Scope, new: Customer, *, kept_too: bool = False) -> Customer:
    """Returns the existing customer with the new one's address, or adds the new one.

    ``kept_too``: one who was kept instead of the last customer with this address exists, too.
    """
    # Not only those that the caller may see: the result shows nothing of them.
    known = (
        known_by_address(scope.tenant_id, new.email_key)
        if kept_too
        else with_address(customers_of(scope.tenant_id), new.email_key)
    )
    while True:
        if (found := await scope.one(known)) is not None:
            return found
        stored: list[Customer] = [row for (row,) in await scope.rows(inserted_unless_known(new))]
        if stored:
            scope.emit(customer_created(stored[0]))
            return stored[0]
        # Another transaction added the address a moment ago, and has committed by now.


def _new(scope: Scope, given: NewCustomer, *, path: Path) -> Customer:
    new = _given(scope, given)
    _check(new, path=path)
    return new


def _given(scope: Scope, given: NewCustomer) -> Customer:
    return Customer(
        tenant_id=scope.tenant_id,
        name=tidy_name(given.name),
        email=tidy(given.email),
        email_key=normalised_email(given.email or ""),
        phone=tidy(given.phone),
        locale=tidy(given.locale),
        created_at=scope.now(),
    )


def _check(customer: Customer, *, path: Path) -> None:
    """Raises all refusals of a customer's fields."""
    raise_all(list(_refusals(customer, path=path)))


def _refusals(customer: Customer, *, path: Path) -> Iterator[Refusal]:
    return refusals(
        name=customer.name,
        email=customer.email,
        phone=customer.phone,
        locale=customer.locale,
        notes=customer.notes,
        path=path,
    )


async def _check_address(scope: Scope, customer: Customer, *, path: Path) -> None:
    others = customers_of(scope.tenant_id).where(col(Customer.id) != customer.id)
    owner = await scope.one(with_address(others, customer.email_key))
    if owner is not None:
        raise Duplicate("e-mail address", path=path)


async def _store(scope: Scope, *, path: Path) -> None:
    try:
        await scope.flush()
    except IntegrityError as error:
        if constraint_name(error) == ONE_PER_ADDRESS:
            raise Duplicate("e-mail address", path=path) from error
        raise


def customer_created(new: Customer) -> Event:
    return Event(EventType.CUSTOMER_CREATED, "Customer", new.id, after=snapshot(new))
