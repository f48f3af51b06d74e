"""Merges two records of one customer, and undoes that for a day."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.core.contact import normalised_email
from domain.core.ids import CustomerId
from domain.core.log_events import Event
from domain.core.log_events import EventType as E
from domain.core.refusals import Duplicate, Invalid, LimitReached, NotFound, Path, StaleVersion
from domain.customers.merges import MAX_MOVED_BOOKINGS, UNDONE_WITHIN, Details, merged, unmerged
from domain.customers.refusals import AlreadyMerged, CustomerHasLogin, MergeUndoTooLate
from kit.scope import Scope
from models.accounts.users import user_for_customer
from models.bookings.bookings import Booking
from models.bookings.customer_merges import bookings_counted, given_to, references
from models.core.base import snapshot
from models.customers.customers import Customer, customers_of, with_address
from models.customers.known import kept_customer
from models.customers.merges import CustomerMerge, merges_into
from permissions.policy import may, refusal
from permissions.roles import P
from resolvers.accounts.sessions import ACCOUNTS
from resolvers.core.lookups import CALENDAR
from resolvers.customers.customers import visible_customers

Moved = Mapping[str, Sequence[str]]
"""The ids of the rows that were moved, by the name of the column."""


@dataclass(frozen=True, slots=True)
class CustomerVersions:
    """The versions of two customers that are to be merged."""

    keep: int
    merge: int


@dataclass(frozen=True, slots=True)
class UndoneMerge:
    """The two customers after a merge of them was undone."""

    customer: Customer
    restored: Customer


async def merge_customers(
    scope: Scope,
    keep_id: Annotated[CustomerId, Doc("The id of the customer to keep.")],
    merge_id: Annotated[CustomerId, Doc("The id of the customer to merge into the one to keep.")],
    *,
    versions: Annotated[
        CustomerVersions,
        Doc(
            "The versions of both customers that you read. If one has changed since, the mutation "
            "is refused with STALE_VERSION."
        ),
    ],
    shares_login: Annotated[
        bool,
        Doc(
            "Whether a login of one of the customers may see and change the bookings of both "
            "afterwards. Required if one of them has a login: set it only if you know that both "
            "are the same person."
        ),
    ] = False,
) -> Customer:
    """Merge two records of the same customer.

    All bookings, series and whatever else belongs to the merged customer, with their payments,
    belongs to the kept one afterwards. What the kept customer has of e-mail address, phone and
    language stays, and what is missing is taken from the other; tags are united, and notes follow
    each other. The merged record is removed: its id finds the kept customer in `customer` and when
    it is chosen for a booking, and so does its e-mail address in a booking. `undoMerge` undoes it
    for a day.

    If one customer has a login, the mutation is refused with CUSTOMER_HAS_LOGIN unless
    `sharesLogin` is set, and always if both have one. At most 2,000 bookings are moved. Also
    requires `bookings:write`.
    """
    if keep_id == merge_id:
        raise Invalid("A customer can't be merged with itself.", path=("merge_id",))
    await _lock(scope, keep_id, merge_id)
    kept = await _customer(
        scope, keep_id, versions.keep, path=("keep_id",), version_path=("versions", "keep")
    )
    other = await _customer(
        scope, merge_id, versions.merge, path=("merge_id",), version_path=("versions", "merge")
    )
    await _check_logins(scope, kept, other, shared=shares_login)
    await _check_number(scope, other)
    before = Details.of(kept)
    after = merged(before, Details.of(other))
    moved = await _move(scope, old=other.id, new=kept.id)
    await scope.remove(other)
    # Its address is free only now.
    await scope.flush()
    _set(scope, E.CUSTOMERS_MERGED, kept, after, merged_id=other.id)
    scope.add(
        CustomerMerge(
            tenant_id=scope.tenant_id,
            keep_id=kept.id,
            merged_id=other.id,
            email_key=other.email_key,
            merged_at=scope.now(),
            undoable_until=scope.now() + UNDONE_WITHIN,
            undo={
                "record": other.model_dump(mode="json", exclude={"tenant_id", "id"}),
                "before": asdict(before),
                "after": asdict(after),
                "moved": moved,
            },
        )
    )
    return kept


async def undo_merge(
    scope: Scope,
    customer_id: Annotated[CustomerId, Doc("The id of the customer that was kept.")],
    *,
    version: Annotated[
        int,
        Doc(
            "The version of that customer that you read. If it has changed since, the mutation is "
            "refused with STALE_VERSION."
        ),
    ],
) -> UndoneMerge:
    """Undo the last merge into a customer, at most a day after it.

    The merged customer is restored as it was, and gets back what the merge moved, except what was
    given to somebody else since. The kept customer loses what the merge added, except what was
    changed since; what was booked since stays with it.
    """
    last = merges_into(scope.tenant_id, [customer_id])
    seen = await scope.read_outside(last)
    await _lock(scope, customer_id, *([seen.merged_id] if seen else []))
    kept = await _customer(
        scope, customer_id, version, path=("customer_id",), version_path=("version",)
    )
    merge = await scope.one(last)
    if merge is None:
        raise Invalid("No customer was merged into this one.", path=("customer_id",))
    if seen is None or merge.id != seen.id:
        raise StaleVersion(kept, path=("version",))
    if merge.undo is None or merge.merged_at + UNDONE_WITHIN <= scope.now():
        raise MergeUndoTooLate(path=("customer_id",))
    undo = merge.undo
    restored = Customer.model_validate(
        {**undo["record"], "tenant_id": scope.tenant_id, "id": merge.merged_id}
    )
    restored.version += 1
    details = unmerged(
        Details.of(kept), before=Details(**undo["before"]), after=Details(**undo["after"])
    )
    _set(scope, E.CUSTOMER_MERGE_UNDONE, kept, details, restored_id=restored.id)
    await scope.remove(merge)
    await scope.flush()
    everybody = customers_of(scope.tenant_id)
    if await scope.one(with_address(everybody, restored.email_key)) is not None:
        raise Duplicate("e-mail address", path=("customer_id",))
    scope.add(restored)
    await scope.flush()
    await _move(scope, old=kept.id, new=restored.id, among=undo["moved"])
    return UndoneMerge(kept, restored)


async def undoable_merge(scope: Scope, customer: Customer) -> CustomerMerge | None:
    """The last merge into this customer, if `undoMerge` can still undo it; otherwise null."""

    async def load(ids: list[UUID]) -> list[CustomerMerge | None]:
        rows = await scope.all(merges_into(scope.tenant_id, ids))
        found = {
            row.keep_id: row
            for row in rows
            if row.undoable_until is not None and row.undoable_until > scope.now()
        }
        return [found.get(id) for id in ids]

    return await scope.loaders.batch("undoable merges", load, customer.id)


# ------------------------------------------------------------------------------ steps


async def _lock(scope: Scope, *customer_ids: UUID) -> None:
    """Waits until no booking, login or customer is being changed, and holds such changes up."""
    if not may(scope.actor, P.BOOKINGS_WRITE):
        raise refusal(scope.actor, P.BOOKINGS_WRITE)
    await scope.lock(CALENDAR, ACCOUNTS, *(("customer", id) for id in customer_ids))


async def _customer(
    scope: Scope, id: CustomerId, version: int, *, path: Path, version_path: Path
) -> Customer:
    """Returns a customer. Raises NotFound, AlreadyMerged, StaleVersion."""
    found = await scope.one(visible_customers(scope).where(col(Customer.id) == id))
    if found is None:
        kept = await scope.one(kept_customer(scope.tenant_id, id))
        raise NotFound("customer", path=path) if kept is None else AlreadyMerged(kept, path=path)
    if found.version != version:
        raise StaleVersion(found, path=version_path)
    return found


async def _check_logins(scope: Scope, kept: Customer, other: Customer, *, shared: bool) -> None:
    users = [await scope.one(user_for_customer(scope.tenant_id, each.id)) for each in (kept, other)]
    if all(users):
        raise CustomerHasLogin(both=True, path=("merge_id",))
    if any(users) and not shared:
        raise CustomerHasLogin(path=("shares_login",))


async def _check_number(scope: Scope, other: Customer) -> None:
    number = await scope.value(bookings_counted(scope.tenant_id, other.id))
    if number > MAX_MOVED_BOOKINGS:
        raise LimitReached(
            "bookings to move", limit=MAX_MOVED_BOOKINGS, used=number, path=("merge_id",)
        )


async def _move(scope: Scope, *, old: UUID, new: UUID, among: Moved | None = None) -> Moved:
    """Gives everything that refers to a customer to another one; returns the ids of the rows.

    ``among``: only what such a call has moved.
    """
    moved: dict[str, list[str]] = {}
    for table, column in references():
        name = f"{table.name}.{column}"
        ids = None if among is None else [UUID(id) for id in among.get(name, ())]
        given = given_to(
            table, column, tenant_id=scope.tenant_id, old=old, new=new, now=scope.now(), among=ids
        )
        rows = [id for (id,) in await scope.rows(given)]
        moved[name] = [str(id) for id in rows]
        if table.name == Booking.__tablename__:
            # Like any other change of them: figures, live lists and the history follow the log.
            before, after = {"customer_id": str(old)}, {"customer_id": str(new)}
            for id in rows:
                scope.emit(Event(E.BOOKING_UPDATED, "Booking", id, before=before, after=after))
    return moved


def _set(scope: Scope, type: E, kept: Customer, details: Details, **about: UUID) -> None:
    """Stores the details of the kept customer, and logs the change."""
    before = snapshot(kept)
    for name, value in asdict(details).items():
        setattr(kept, name, value)
    kept.email_key = normalised_email(details.email or "")
    kept.version += 1
    after = {**snapshot(kept), **{name: str(id) for name, id in about.items()}}
    scope.emit(Event(type, "Customer", kept.id, before=before, after=after))
