"""Imports: prepares, lists and undoes them, and links to where their files are uploaded."""

from dataclasses import asdict, dataclass, field
from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import ImportId, RoomId
from domain.core.local_time import TimeZone, zone
from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid, LimitReached, Refusal
from domain.imports.columns import FIELDS, ColumnMapping, ImportPreset
from domain.imports.imports import (
    KEPT_FOR,
    MAX_UNFINISHED,
    UNDONE_WITHIN,
    UNUSED_FOR,
    UPLOAD_WITHIN,
    DateFormat,
    ImportFailure,
    ImportFormat,
    ImportKind,
    ImportOutcome,
    ImportStatus,
    percent_done,
)
from domain.imports.zones import ForeignZone
from kit.actor import Actor
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from kit.security.tokens import FileLink, Uploads
from kit.settings import Settings
from models.core.base import snapshot
from models.imports.imports import (
    UNDO_JOB,
    Import,
    ImportRow,
    imports_of,
    rows_of_imports,
    unfinished_counted,
)
from permissions.policy import grant_of, refusal
from permissions.roles import GrantScope, P, Permission
from resolvers.core.lookups import get_or_refuse, raise_all
from resolvers.venue.rooms import visible_rooms

UPLOADS: Final = "/imports"
"""The path of the server below which files are uploaded."""
MAX_MAPPED: Final = 50
MAX_ZONES: Final = 100

_NEEDED: Final = {
    ImportKind.CUSTOMERS: (P.CUSTOMERS_READ, P.CUSTOMERS_WRITE, P.CUSTOMERS_CONTACT),
    ImportKind.ROOMS: (P.ROOMS_READ, P.ROOMS_WRITE),
    ImportKind.BOOKINGS: (
        P.BOOKINGS_READ,
        P.BOOKINGS_WRITE,
        P.BOOKINGS_MANAGE,
        P.CUSTOMERS_READ,
        P.CUSTOMERS_CONTACT,
    ),
}


@dataclass(frozen=True, slots=True)
class NewImport:
    """A new import with the address to which its file is uploaded."""

    import_: Import
    upload_url: str = field(repr=False)


def visible_imports(scope: Scope) -> Select[Import]:
    return imports_of(scope.tenant_id)


async def import_(
    scope: Scope, id: Annotated[ImportId, Doc("The id of the import.")]
) -> Import | None:
    """Find an import by id. Null if there is no such import."""
    return await scope.one(visible_imports(scope).where(col(Import.id) == id))


def imports(scope: Scope) -> Listing[Import]:
    """The imports of the venue, newest first. Those that have added nothing are deleted after 30
    days.
    """
    return Listing(Import, visible_imports(scope), (Order(Import.created_at, descending=True),))


def visible_import_rows(scope: Scope) -> Select[ImportRow]:
    return rows_of_imports(scope.tenant_id)


def import_rows(
    scope: Scope,
    *,
    outcome: Annotated[
        ImportOutcome | None, Doc("The outcome of the rows to return; all by default.")
    ] = None,
) -> Listing[ImportRow]:
    """The rows of the file that are done, in order: of an iCalendar file, events and occurrences
    of series.
    """
    rows = visible_import_rows(scope)
    if outcome is not None:
        rows = rows.where(col(ImportRow.outcome) == outcome.value)
    return Listing(ImportRow, rows, (Order(ImportRow.line),))


async def create_import(
    scope: Scope,
    *,
    kind: Annotated[ImportKind, Doc("What the rows of the file are.")],
    format: Annotated[ImportFormat, Doc("The format of the file. ICS is for bookings.")],
    dry_run: Annotated[
        bool,
        Doc(
            "Whether to only try the import: its counts and rows say what would become of each "
            "row, and nothing is added."
        ),
    ] = False,
    mapping: Annotated[
        tuple[ColumnMapping, ...],
        Doc(
            "The headings of the columns of a CSV file, by field: at most 50. Fields without one "
            "are found by their usual headings in English, German, Spanish or French."
        ),
    ] = (),
    preset: Annotated[
        ImportPreset | None,
        Doc("The program that wrote a CSV file of customers, by which columns are found."),
    ] = None,
    date_format: Annotated[
        DateFormat | None,
        Doc(
            "The order of day and month in the dates of a CSV file. Required if they could be "
            "read in two ways."
        ),
    ] = None,
    time_zone: Annotated[
        TimeZone | None,
        Doc("The time zone of times without an offset; by default the venue's."),
    ] = None,
    time_zones: Annotated[
        tuple[ForeignZone, ...],
        Doc("The meanings of time zones of an iCalendar file that are not known: at most 100."),
    ] = (),
    room_id: Annotated[
        RoomId | None,
        Doc("The room of all bookings of the file. By default, the file names the rooms."),
    ] = None,
    override_rules: Annotated[
        bool,
        Doc(
            "Whether bookings may start at any minute and without notice, as `bookings:override` "
            "allows. All other rules hold nevertheless."
        ),
    ] = False,
    notify: Annotated[
        bool,
        Doc("Whether to send the usual messages about the bookings that are added."),
    ] = False,
) -> NewImport:
    """Prepare the import of a file of customers, rooms or bookings.

    Upload the file by `PUT` to `uploadUrl` within an hour: at most 20 MB, with at most 50,000 rows
    (500 rooms). The import then runs in the background. Each row is decided by itself: one that
    can't be imported has `problems`, and the others are imported nevertheless. Rows that were
    imported before are skipped. Also requires the permissions for what is added:
    `customers:read`, `customers:write` and `customers:contact`; `rooms:read` and `rooms:write`; or
    `bookings:read`, `bookings:write`, `bookings:manage`, `customers:read` and `customers:contact`.
    At most 5 imports can be unfinished at once.
    """
    check_importer(scope.actor, kind, override=override_rules)
    await scope.lock(("imports",))
    raise_all(_refusals(kind, format, mapping, preset, room_id, time_zones))
    if time_zone is not None:
        zone(time_zone, path=("time_zone",))
    for place, each in enumerate(time_zones):
        zone(each.time_zone, path=("time_zones", place, "time_zone"))
    if room_id is not None:
        await get_or_refuse(scope, visible_rooms(scope), room_id, what="room", path=("room_id",))
    used = await scope.value(unfinished_counted(scope.tenant_id, scope.now()))
    if used >= MAX_UNFINISHED:
        raise LimitReached("unfinished imports", limit=MAX_UNFINISHED, used=used)
    upload_until = scope.now() + UPLOAD_WITHIN
    new = scope.add(
        Import(
            tenant_id=scope.tenant_id,
            kind=kind.value,
            format=format.value,
            status=ImportStatus.AWAITING_UPLOAD.value,
            is_dry_run=dry_run,
            notifies=notify,
            overrides=override_rules,
            mapping=[asdict(each) for each in mapping],
            preset=None if preset is None else preset.value,
            date_format=None if date_format is None else date_format.value,
            time_zone=time_zone,
            time_zones=[asdict(each) for each in time_zones],
            room_id=room_id,
            created_by_id=scope.actor.user_id,
            created_by_key_id=scope.actor.key_id,
            created_at=scope.now(),
            expires_at=scope.now() + UNUSED_FOR,
        )
    )
    scope.emit(Event(EventType.IMPORT_CREATED, "Import", new.id, after=snapshot(new)))
    token = scope.service(Uploads).sign(FileLink(scope.tenant_id, new.id, upload_until))
    public_url = scope.service(Settings).public_url or ""
    return NewImport(new, f"{public_url}{UPLOADS}/{token}")


async def undo_import(
    scope: Scope, id: Annotated[ImportId, Doc("The id of the import.")]
) -> Import:
    """Take back what an import has added and changed, within a day of its end, in the background.

    Whatever was changed since, or is used by now, stays as it is; `undoneCount` says how many rows
    were taken back. Bookings become EXPIRED and free their time, customers are removed, fields that
    were filled are empty again, and rooms are archived. Customers that were added with bookings
    stay with them. Requires the same permissions as the import.
    """
    await scope.lock(("import", id))
    undone = await get_or_refuse(scope, visible_imports(scope), id, what="import")
    check_importer(scope.actor, ImportKind(undone.kind), override=undone.overrides)
    if undone.status not in (ImportStatus.DONE, ImportStatus.FAILED) or undone.is_dry_run:
        raise Invalid("Only an import that has ended, and was no dry run, can be undone.")
    assert undone.ended_at is not None
    if scope.now() >= undone.ended_at + UNDONE_WITHIN:
        raise Invalid("An import can be undone within a day of its end.", path=("id",))
    undone.status = ImportStatus.UNDOING.value
    undone.interruptions = 0
    undone.version += 1
    scope.enqueue(UNDO_JOB, {"id": str(undone.id)}, dedupe=str(undone.id))
    scope.emit(Event(EventType.IMPORT_UNDO_REQUESTED, "Import", undone.id))
    return undone


# ------------------------------------------------------------------------------ fields


async def kind_of(_: Scope, of: Import) -> ImportKind:
    """What the rows of the file are."""
    return ImportKind(of.kind)


async def format_of(_: Scope, of: Import) -> ImportFormat:
    """The format of the file."""
    return ImportFormat(of.format)


async def status_of(_: Scope, of: Import) -> ImportStatus:
    """The status of the import."""
    return ImportStatus(of.status)


async def failure_of(_: Scope, of: Import) -> ImportFailure | None:
    """Why the import failed, or null if it didn't."""
    return None if of.failure is None else ImportFailure(of.failure)


async def progress_of(_: Scope, of: Import) -> int:
    """How much of the file is done, in percent: 0 to 100."""
    if of.status in (ImportStatus.DONE, ImportStatus.UNDOING, ImportStatus.UNDONE):
        return 100
    return percent_done(of.done_rows, of.total_rows)


async def outcome_of(_: Scope, row: ImportRow) -> ImportOutcome:
    """What became of the row; of a dry run, what would have become of it."""
    return ImportOutcome(row.outcome)


@dataclass(frozen=True, slots=True)
class StoredProblem:
    """A problem of a row, as it is stored."""

    code: str
    message: str
    column: str | None


async def problems_of(_: Scope, row: ImportRow) -> list[StoredProblem]:
    """What is wrong with the row, or what else there is to know about it: at most 10."""
    return [StoredProblem(**each) for each in row.problems]


# ------------------------------------------------------------------------------ rules


def check_importer(actor: Actor, kind: ImportKind, *, override: bool) -> None:
    """Raises Forbidden if the actor may not add such rows."""
    lacking = lacking_permission(actor, kind, override=override)
    if lacking is not None:
        raise refusal(actor, lacking)


def lacking_permission(actor: Actor, kind: ImportKind, *, override: bool) -> Permission | None:
    """Returns a permission for an import that the actor lacks, or None."""
    needed = [P.IMPORTS_WRITE, *_NEEDED[kind], *([P.BOOKINGS_OVERRIDE] if override else [])]
    return next((each for each in needed if grant_of(actor, each) is not GrantScope.ANY), None)


def expiry(scope: Scope, ended: Import) -> None:
    """Sets when an import that ends now is deleted: never if it has added or changed anything."""
    is_kept = not ended.is_dry_run and (ended.created_count or ended.updated_count)
    ended.expires_at = None if is_kept else scope.now() + KEPT_FOR


def _refusals(
    kind: ImportKind,
    format: ImportFormat,
    mapping: tuple[ColumnMapping, ...],
    preset: ImportPreset | None,
    room_id: UUID | None,
    time_zones: tuple[ForeignZone, ...],
) -> list[Refusal]:
    problems: list[Refusal] = []
    if format is ImportFormat.ICS and kind is not ImportKind.BOOKINGS:
        problems.append(Invalid("An iCalendar file has bookings.", path=("format",)))
    if format is ImportFormat.ICS and (mapping or preset):
        given = "mapping" if mapping else "preset"
        problems.append(Invalid("An iCalendar file has no columns.", path=(given,)))
    if preset is not None and kind is not ImportKind.CUSTOMERS:
        problems.append(Invalid("This program's files have customers.", path=("preset",)))
    if room_id is not None and kind is not ImportKind.BOOKINGS:
        problems.append(Invalid("Only bookings are made in a room.", path=("room_id",)))
    for name, number, most in (
        ("mapping", len(mapping), MAX_MAPPED),
        ("time_zones", len(time_zones), MAX_ZONES),
    ):
        if number > most:
            problems.append(Invalid(f"At most {most} are allowed.", path=(name,)))
    problems += [
        Invalid(f"{kind.value} have no such field.", path=("mapping", place, "field"))
        for place, each in enumerate(mapping[:MAX_MAPPED])
        if each.field not in FIELDS[kind]
    ]
    return problems
