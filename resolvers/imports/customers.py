"""Imports customers: adds those who aren't known, and fills what the others lack."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert

from domain.core.log_events import EventType
from domain.core.refusals import Code
from domain.customers.tags import MAX_TAGS
from domain.imports.imports import ImportOutcome
from domain.imports.rows import CustomerFields, FileRow
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.core.base import snapshot
from models.customers.customers import Customer
from resolvers.core.changes import log_change
from resolvers.core.transactions import OtherLocksNeeded
from resolvers.customers.customers import customer_created
from resolvers.imports.known_customers import KnownCustomers, SeveralCustomers, email_key
from resolvers.imports.taken_rows import TakenRow, Tried, passed_over, refused, skipped
from resolvers.tenants.tenants import own_tenant

_FILLED = ("email", "phone", "locale", "notes", "tags")


async def locks_of_customers(
    scope: Scope, rows: Sequence[FileRow[CustomerFields]]
) -> list[tuple[object, ...]]:
    """Returns the locks of the customers that rows may change."""
    known = await _known(scope, rows, Tried())
    return [("customer", each.id) for each in known.all()]


async def take_customers(
    scope: Scope, rows: Sequence[FileRow[CustomerFields]], tried: Tried
) -> list[TakenRow]:
    """Adds or fills the customers of rows, under their locks; a scope that reads only decides."""
    known = await _known(scope, rows, tried)
    new: list[Customer] = []
    taken, turn = [], TimeSlice()
    for row in rows:
        taken.append(passed_over(row) or _taken(scope, row, known, new))
        if turn.is_over:
            await turn.give_way()
    if scope.writes:
        await store_customers(scope, new)
    else:
        tried.customers += new
    return taken


async def _known(
    scope: Scope, rows: Sequence[FileRow[CustomerFields]], tried: Tried
) -> KnownCustomers:
    tenant = await own_tenant(scope)
    known = KnownCustomers(tenant.time_zone, tried.customers)
    return await known.load(scope, [each.fields for each in rows if each.fields])


def _taken(
    scope: Scope, row: FileRow[CustomerFields], known: KnownCustomers, new: list[Customer]
) -> TakenRow:
    fields = row.fields
    assert fields is not None
    try:
        customer = known.find(fields)
    except SeveralCustomers as refusal:
        return refused(row, refusal)
    if customer is not None:
        return _fill(scope, row, fields, customer, is_new=customer in new)
    added = new_customer(scope, fields)
    new.append(added)
    known.add(added)
    return TakenRow(row.line, ImportOutcome.CREATED, row.problems, (added.id, added.version))


def _fill(
    scope: Scope,
    row: FileRow[CustomerFields],
    fields: CustomerFields,
    customer: Customer,
    *,
    is_new: bool,
) -> TakenRow:
    """Fills what a customer lacks. Whatever they have stays."""
    values = {**_columns(fields), "tags": sorted({*customer.tags, *fields.tags})[:MAX_TAGS]}
    lacking = [
        name
        for name in _FILLED
        if values[name] and not getattr(customer, name) and not (is_new and name == "email")
    ]
    if is_new or not lacking:
        return skipped(row, Code.DUPLICATE, "The customer is known already.")
    if scope.writes:
        if not scope.has_locked(("customer", customer.id)):
            raise OtherLocksNeeded
        before = snapshot(customer)
        for name in lacking:
            setattr(customer, name, values[name])
        if "email" in lacking:
            customer.email_key = email_key(customer.email)
        log_change(scope, EventType.CUSTOMER_UPDATED, "Customer", customer, before)
    version = customer.version if scope.writes else customer.version + 1
    return TakenRow(
        row.line,
        ImportOutcome.UPDATED,
        row.problems,
        (customer.id, version),
        filled=tuple(lacking),
    )


def new_customer(scope: Scope, fields: CustomerFields) -> Customer:
    """Returns a customer with a row's fields, who isn't stored yet."""
    new = Customer(
        tenant_id=scope.tenant_id,
        **_columns(fields),
        email_key=email_key(fields.email),
        created_at=scope.now(),
    )
    new.derive()
    return new


def _columns(fields: CustomerFields) -> dict[str, Any]:
    return {
        "name": fields.name,
        "email": fields.email,
        "phone": fields.phone,
        "locale": fields.locale,
        "notes": fields.notes,
        "tags": list(fields.tags),
    }


async def store_customers(scope: Scope, new: Sequence[Customer]) -> None:
    """Stores customers at once. Raises IntegrityError if an address was taken meanwhile."""
    if not new:
        return
    await scope.run(insert(Customer), [each.model_dump() for each in new])
    for each in new:
        scope.emit(customer_created(each))
