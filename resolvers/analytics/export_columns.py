"""The columns of exports, each with the permission that its values require.

A file has the columns that its creator may read. The permissions of all of them are stored with the
export, and its creator needs them all when the file is downloaded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from domain.accounts.users import Role
from domain.analytics.exports import ExportKind
from domain.core.log_events import EventType, changes
from domain.core.money import currency_digits
from domain.payments.ledger import Account
from kit.actor import Actor, ActorKind
from kit.tables.cells import Cell, Row
from models.analytics import export_rows
from models.analytics.export_rows import RowSource
from permissions.policy import grant_of
from permissions.reads import may_read_logged
from permissions.roles import GrantScope, P, Permission
from resolvers.audit.log import in_api


@dataclass(frozen=True, slots=True)
class Venue:
    """What all rows of an export share: the venue's zone, and who reads them.

    ``encode_id`` returns the id of an object as in the API, from its type and uuid.
    """

    zone: ZoneInfo
    reader: Actor
    encode_id: Callable[[str, UUID], str]


CellOf = Callable[[Any, Venue], Cell]
"""Returns the cell of a row of the database."""


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column: its name as in the API, its cells, and the permission of its own, if any."""

    name: str
    cell: CellOf
    requires: Permission | None = None


@dataclass(frozen=True, slots=True)
class ExportTable:
    """What a kind of export consists of; ``requires`` are the permissions for any of it.

    ``source`` is None for rows that are computed. ``optional`` are permissions that decide what a
    cell shows.
    """

    requires: frozenset[Permission]
    columns: Sequence[ExportColumn]
    source: RowSource | None
    optional: frozenset[Permission] = frozenset()

    def permissions_of(self, actor: Actor) -> frozenset[Permission]:
        """Returns all permissions that what the actor may export requires."""
        wanted = {each.requires for each in self.columns if each.requires} | self.optional
        return (
            self.requires
            | {P.ANALYTICS_READ}
            | {each for each in wanted if may_for_all(actor, each)}
        )

    def columns_for(self, permissions: frozenset[str]) -> list[ExportColumn]:
        """Returns the columns that the permissions allow."""
        return [
            each for each in self.columns if each.requires is None or each.requires in permissions
        ]


def may_for_all(actor: Actor, permission: Permission) -> bool:
    """Returns whether the actor has the permission for every row of the tenant."""
    return grant_of(actor, permission) is GrantScope.ANY


def missing(actor: Actor, permissions: frozenset[Permission]) -> Permission | None:
    """Returns a permission that the actor lacks for every row of the tenant, or None."""
    lacking = sorted(each for each in permissions if not may_for_all(actor, each))
    return lacking[0] if lacking else None


def reader_of(tenant_id: UUID, permissions: frozenset[str]) -> Actor:
    """Returns an actor who has exactly these permissions, for what depends on the reader."""
    return Actor(ActorKind.API_KEY, tenant_id, role=Role.OWNER.value, scopes=permissions)


def cells_of(columns: Sequence[ExportColumn], rows: Sequence[Any], venue: Venue) -> list[Row]:
    """Returns the cells of rows of the database."""
    return [[column.cell(row, venue) for column in columns] for row in rows]


# ------------------------------------------------------------------------------ cells


def _field(name: str) -> CellOf:
    def cell(row: Any, _: Venue) -> Cell:
        value: Cell = row[name]
        return value

    return cell


def _upper(name: str) -> CellOf:
    return lambda row, _: str(row[name]).upper()


def _local(name: str) -> CellOf:
    def cell(row: Any, venue: Venue) -> Cell:
        at: datetime | None = row[name]
        return None if at is None else at.astimezone(venue.zone)

    return cell


def _amount(name: str) -> CellOf:
    def cell(row: Any, _: Venue) -> Cell:
        minor: int | None = row[name]
        if minor is None:
            return None
        return Decimal(minor).scaleb(-currency_digits(row["currency_code"]))

    return cell


def _id(name: str, type_name: str) -> CellOf:
    def cell(row: Any, venue: Venue) -> Cell:
        id: UUID | None = row[name]
        return None if id is None else venue.encode_id(type_name, id)

    return cell


def _sale(row: Any, _: Venue) -> Cell:
    return "PAYMENT" if row["account"] == Account.RECEIVED.value else "REFUND"


def _subject_id(row: Any, venue: Venue) -> Cell:
    return venue.encode_id(row["subject_type"], row["subject_id"])


def _changes(row: Any, venue: Venue) -> Cell:
    """Returns the changed fields that the reader may read, as JSON, as they are in the API."""
    type, subject = EventType(row["type"]), row["subject_type"]
    readable = (
        in_api(change, venue.encode_id)
        for change in changes(row["before"], row["after"])
        if may_read_logged(venue.reader, type, subject, change.field)
    )
    shown = {change.field: [change.before, change.after] for change in readable}
    return orjson.dumps(shown, option=orjson.OPT_SORT_KEYS).decode() if shown else None


_BOOKING_COLUMNS: Final = (
    ExportColumn("id", _id("id", "Booking")),
    ExportColumn("reference", _field("reference")),
    ExportColumn("status", _upper("status")),
    ExportColumn("room", _field("room")),
    ExportColumn("category", _field("category")),
    ExportColumn("startsAt", _local("starts_at")),
    ExportColumn("endsAt", _local("ends_at")),
    ExportColumn("partySize", _field("party_size")),
    ExportColumn("price", _amount("price_minor"), P.PRICES_READ),
    ExportColumn("currencyCode", _field("currency_code"), P.PRICES_READ),
    ExportColumn("customerId", _id("customer_id", "Customer"), P.CUSTOMERS_READ),
    ExportColumn("customer", _field("customer"), P.CUSTOMERS_READ),
    ExportColumn("email", _field("email"), P.CUSTOMERS_CONTACT),
    ExportColumn("phone", _field("phone"), P.CUSTOMERS_CONTACT),
    ExportColumn("note", _field("note")),
    ExportColumn("createdAt", _local("created_at")),
    ExportColumn("alsoRooms", _field("also_rooms")),
)
_SALES_COLUMNS: Final = (
    ExportColumn("at", _local("at")),
    ExportColumn("type", _sale),
    ExportColumn("amount", _amount("amount_minor")),
    ExportColumn("currencyCode", _field("currency_code")),
    ExportColumn("reference", _field("reference")),
    ExportColumn("startsAt", _local("starts_at")),
    ExportColumn("room", _field("room")),
    ExportColumn("category", _field("category")),
    ExportColumn("customer", _field("customer"), P.CUSTOMERS_READ),
)
_CUSTOMER_COLUMNS: Final = (
    ExportColumn("id", _id("id", "Customer")),
    ExportColumn("name", _field("name")),
    ExportColumn("email", _field("email"), P.CUSTOMERS_CONTACT),
    ExportColumn("phone", _field("phone"), P.CUSTOMERS_CONTACT),
    ExportColumn("locale", _field("locale")),
    ExportColumn("notes", _field("notes"), P.CUSTOMERS_NOTES),
    ExportColumn("createdAt", _local("created_at")),
    ExportColumn("bookings", _field("number"), P.BOOKINGS_READ),
    ExportColumn("firstStartsAt", _local("first"), P.BOOKINGS_READ),
    ExportColumn("lastStartsAt", _local("last"), P.BOOKINGS_READ),
)
_STAFF_ACTION_COLUMNS: Final = (
    ExportColumn("at", _local("at")),
    ExportColumn("type", _field("type")),
    ExportColumn("actorKind", _field("actor_kind")),
    ExportColumn("actor", _field("actor"), P.USERS_READ),
    ExportColumn("subjectType", _field("subject_type")),
    ExportColumn("subjectId", _subject_id),
    ExportColumn("reason", _field("reason")),
    ExportColumn("changes", _changes),
)
_OCCUPANCY_COLUMNS: Final = (
    ExportColumn("date", _field("date")),
    ExportColumn("room", _field("room")),
    ExportColumn("category", _field("category")),
    ExportColumn("openMinutes", _field("open_minutes")),
    ExportColumn("bookedMinutes", _field("booked_minutes")),
    ExportColumn("occupancy", _field("occupancy")),
)
TABLES: Final[Mapping[ExportKind, ExportTable]] = {
    ExportKind.BOOKINGS: ExportTable(
        frozenset({P.BOOKINGS_READ}), _BOOKING_COLUMNS, export_rows.BOOKINGS
    ),
    ExportKind.SALES: ExportTable(
        frozenset({P.PAYMENTS_READ, P.BOOKINGS_READ}), _SALES_COLUMNS, export_rows.SALES
    ),
    ExportKind.OCCUPANCY: ExportTable(frozenset({P.ROOMS_READ}), _OCCUPANCY_COLUMNS, None),
    ExportKind.CUSTOMERS: ExportTable(
        frozenset({P.CUSTOMERS_READ}), _CUSTOMER_COLUMNS, export_rows.CUSTOMERS
    ),
    ExportKind.STAFF_ACTIONS: ExportTable(
        frozenset({P.AUDIT_READ}),
        _STAFF_ACTION_COLUMNS,
        export_rows.STAFF_ACTIONS,
        # Logged values are shown to those who may read them where they stand.
        optional=frozenset(
            {
                P.API_KEYS_READ, P.BILLING_READ, P.BOOKINGS_READ, P.CUSTOMERS_READ, P.HOURS_READ,
                P.PAYMENTS_READ, P.PRICES_READ, P.ROOMS_READ, P.TENANT_READ, P.TENANT_WRITE,
                P.USERS_READ,
            }
        ),
    ),
}  # fmt: skip
