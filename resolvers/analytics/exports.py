"""Exports: requests, lists and retries them, and links to their files."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.analytics.exports import (
    KINDS_OF_ROOMS,
    MAX_STORED,
    MAX_UNFINISHED,
    ExportFailure,
    ExportFormat,
    ExportKind,
    ExportStatus,
)
from domain.analytics.spans import DateSpan, span_problem
from domain.core.ids import ExportId, RoomId
from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid, LimitReached, NotFound, Refusal, Required
from domain.tenants.plans import Feature
from kit.actor import Actor
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from kit.security.tokens import Downloads, FileLink
from models.analytics.exports import EXPORT_JOB, Export, exports_counted, exports_of
from models.analytics.filters import AnalyticsFilter
from models.core.base import snapshot
from models.core.filters import is_any
from models.venue.rooms import Room, rooms_of
from permissions.policy import refusal
from permissions.roles import Permission
from resolvers.analytics.export_columns import TABLES, missing
from resolvers.core.lookups import get_or_refuse, raise_all
from resolvers.tenants.features import require_feature

DOWNLOADS = "/exports"
"""The path of the server below which files are downloaded."""
MAX_ROOMS = 250
MAX_CATEGORIES = 100


def visible_exports(scope: Scope) -> Select[Export]:
    return exports_of(scope.tenant_id)


def exports(scope: Scope) -> Listing[Export]:
    """The exports of the tenant, newest first. They are deleted 7 days after they ended."""
    order = (Order(col(Export.created_at), descending=True),)
    return Listing(Export, visible_exports(scope), order)


async def create_export(
    scope: Scope,
    *,
    kind: Annotated[ExportKind, Doc("What the file has a row for.")],
    format: Annotated[ExportFormat, Doc("The format of the file.")],
    span: Annotated[
        DateSpan | None,
        Doc(
            "The dates of the venue to export: of bookings, those on which they start; of sales, "
            "those of the payments; of customers, those on which they were added. All dates by "
            "default. `OCCUPANCY` requires a span."
        ),
    ] = None,
    filter: Annotated[
        AnalyticsFilter | None,
        Doc("The rooms to export; all by default. `CUSTOMERS` and `STAFF_ACTIONS` take none."),
    ] = None,
) -> Export:
    """Request a file of the venue's data, which a job makes in the background. The Professional and
    Enterprise plans include it.

    The file has the columns that the caller can read, and requires the permissions of the API for
    such rows: `bookings:read`, `payments:read`, `rooms:read`, `customers:read` or `audit:read`. At
    most 5 exports can be unfinished at once.
    """
    table = TABLES[kind]
    check_reader(scope.actor, table.requires)
    await scope.lock(("exports",))
    await require_feature(scope, Feature.ANALYTICS)
    rooms, categories = (filter.room_ids, filter.categories) if filter else (None, None)
    raise_all(
        [
            *_span_refusals(kind, span),
            *_filter_refusals(kind, filter),
            *await _room_refusals(scope, rooms or ()),
            *await _limit_refusals(scope),
        ]
    )
    actor = scope.actor
    new = scope.add(
        Export(
            tenant_id=scope.tenant_id,
            kind=kind.value,
            format=format.value,
            status=ExportStatus.QUEUED.value,
            span_from=span.from_ if span else None,
            span_until=span.until if span else None,
            room_ids=None if rooms is None else [str(each) for each in rooms],
            categories=None if categories is None else list(categories),
            permissions=sorted(table.permissions_of(actor)),
            created_by_id=actor.user_id,
            created_by_key_id=actor.key_id,
            created_at=scope.now(),
        )
    )
    scope.enqueue(EXPORT_JOB, {"id": str(new.id)}, dedupe=str(new.id))
    scope.emit(Event(EventType.EXPORT_CREATED, "Export", new.id, after=snapshot(new)))
    return new


async def retry_export(
    scope: Scope, id: Annotated[ExportId, Doc("The id of the export.")]
) -> Export:
    """Make the file of a failed export again, with the data as it is then.

    Requires the permissions that the export requires.
    """
    await scope.lock(("exports",))
    await require_feature(scope, Feature.ANALYTICS)
    export = await get_or_refuse(scope, visible_exports(scope), id, what="export")
    check_reader(scope.actor, permissions_of(export))
    if export.status != ExportStatus.FAILED.value:
        raise Invalid("Only a failed export can be retried.", path=("id",))
    raise_all(await _limit_refusals(scope, is_new=False))
    export.status = ExportStatus.QUEUED.value
    export.failure, export.ended_at, export.expires_at = None, None, None
    export.interruptions, export.progress, export.row_count = 0, 0, 0
    export.version += 1
    scope.enqueue(EXPORT_JOB, {"id": str(export.id)}, dedupe=str(export.id))
    scope.emit(Event(EventType.EXPORT_RETRIED, "Export", export.id))
    return export


async def url(scope: Scope, export: Export) -> str | None:
    """The address from which the file can be downloaded until `expiresAt`: a path on this server.

    Null if there is no file yet, or if the caller may not read all of the file. The link works
    without credentials, so treat it as a secret; it ends when the user or API key that requested
    the export may no longer read all of it.
    """
    if not _has_file(export, now=scope.now()) or missing(scope.actor, permissions_of(export)):
        return None
    assert export.expires_at is not None
    token = scope.service(Downloads).sign(FileLink(export.tenant_id, export.id, export.expires_at))
    return f"{DOWNLOADS}/{token}"


async def kind_of(_: Scope, export: Export) -> ExportKind:
    """What the file has a row for."""
    return ExportKind(export.kind)


async def format_of(_: Scope, export: Export) -> ExportFormat:
    """The format of the file."""
    return ExportFormat(export.format)


async def status_of(_: Scope, export: Export) -> ExportStatus:
    """The status of the export."""
    return ExportStatus(export.status)


async def failure_of(_: Scope, export: Export) -> ExportFailure | None:
    """Why the export failed, or null if it didn't. It can be retried whatever the reason."""
    return None if export.failure is None else ExportFailure(export.failure)


def permissions_of(export: Export) -> frozenset[Permission]:
    """Returns the permissions that a reader of the file needs, all of them."""
    return frozenset(Permission(each) for each in export.permissions)


def check_reader(actor: Actor, permissions: frozenset[Permission]) -> None:
    """Raises Forbidden if the actor lacks one of the permissions for every row of the tenant."""
    lacking = missing(actor, permissions)
    if lacking is not None:
        raise refusal(actor, lacking)


def _has_file(export: Export, *, now: datetime) -> bool:
    is_done = export.status == ExportStatus.DONE.value
    return is_done and export.expires_at is not None and now < export.expires_at


def _span_refusals(kind: ExportKind, span: DateSpan | None) -> list[Refusal]:
    if span is None:
        return [Required(path=("span",))] if kind is ExportKind.OCCUPANCY else []
    problem = span_problem(span)
    return [Invalid(problem, path=("span", "until"))] if problem else []


def _filter_refusals(kind: ExportKind, filter: AnalyticsFilter | None) -> list[Refusal]:
    if filter is None:
        return []
    if kind not in KINDS_OF_ROOMS:
        return [Invalid("These rows belong to no room; leave the filter out.", path=("filter",))]
    return [
        Invalid(f"At most {limit} are allowed.", path=("filter", name))
        for name, given, limit in (
            ("room_ids", filter.room_ids, MAX_ROOMS),
            ("categories", filter.categories, MAX_CATEGORIES),
        )
        if given is not None and len(given) > limit
    ]


async def _room_refusals(scope: Scope, room_ids: Sequence[RoomId]) -> list[Refusal]:
    rooms = rooms_of(scope.tenant_id).where(is_any(Room.id, room_ids[:MAX_ROOMS]))
    known = {room.id for room in await scope.all(rooms)} if room_ids else set()
    return [
        NotFound("room", path=("filter", "room_ids", place))
        for place, id in enumerate(room_ids[:MAX_ROOMS])
        if id not in known
    ]


async def _limit_refusals(scope: Scope, *, is_new: bool = True) -> list[Refusal]:
    ((unfinished, stored, frees_at),) = await scope.rows(exports_counted(scope.tenant_id))
    if unfinished >= MAX_UNFINISHED:
        return [LimitReached("unfinished exports", limit=MAX_UNFINISHED, used=unfinished)]
    if is_new and stored >= MAX_STORED:
        return [LimitReached("exports", limit=MAX_STORED, used=stored, frees_at=frees_at)]
    return []
