"""Exports: files of a venue's data to download."""

from datetime import date, datetime

import strawberry
from sqlalchemy import func

import models
from domain.analytics.exports import ExportFailure, ExportFormat, ExportKind, ExportStatus
from domain.core.log_events import EventType as E
from models.analytics.exports import MAX_INT
from permissions.roles import P
from resolvers.analytics import exports
from schema.accounts.users import User
from schema.analytics import spans  # noqa: F401 - declares the inputs
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, related, subscription
from schema.core.mutations import mutation, payload
from subscriptions import export_changes

describe(
    ExportKind,
    "What an export has a row for. Expect values to be added.",
    BOOKINGS="A booking, except for holds: by its start.",
    SALES="A payment or, with a negative amount, a refund: by the time at which it was made.",
    OCCUPANCY="A room on a date on which it was open or booked, with its open and booked minutes. "
    "Requires a span.",
    CUSTOMERS="A customer: by the time at which they were added.",
    STAFF_ACTIONS="An entry of the audit log that a member of the team or an API key caused.",
)
describe(
    ExportFormat,
    "The format of an export. Expect values to be added.",
    CSV="Comma-separated values in UTF-8, with a heading. Times are the venue's, with their UTC "
    "offset, and amounts are decimals. A text that a spreadsheet would run as a formula begins "
    "with an apostrophe.",
    JSONL="A JSON object on each line, exact: amounts are decimal strings, times are the venue's, "
    "with their UTC offset.",
    XLSX="A spreadsheet. Times are the venue's, and amounts are numbers. Rows beyond 1,048,576 are "
    "on further sheets.",
)
describe(
    ExportStatus,
    "The status of an export.",
    QUEUED="It waits for the job that makes the file.",
    RUNNING="The file is being made.",
    DONE="The file can be downloaded until `expiresAt`.",
    FAILED="There is no file; `failure` says why. It can be retried.",
)
describe(
    ExportFailure,
    "Why an export failed. It can be retried. Expect values to be added.",
    STORAGE_FULL="There was no space left for the file.",
    STORAGE_UNAVAILABLE="The storage for files could not be reached.",
    TIMED_OUT="It took longer than 30 minutes: choose a shorter span, or CSV instead of XLSX.",
    INTERRUPTED="The server was interrupted several times while it made the file.",
    SERVER_ERROR="The server failed to make the file. The failure was recorded.",
)


@node(models.Export, visible=exports.visible_exports, requires=P.ANALYTICS_READ)
class Export(Node):
    """A file of the venue's data, made by a job. It is deleted 7 days after it ended."""

    kind: ExportKind = computed(exports.kind_of, sql=lambda _, export: export.kind)
    format: ExportFormat = computed(exports.format_of, sql=lambda _, export: export.format)
    status: ExportStatus = computed(exports.status_of, sql=lambda _, export: export.status)
    from_: date | None = column(
        "The first date that it covers, or null if it covers all.", name="span_from"
    )
    until: date | None = column(
        "The date before which it ends, or null if it covers all.", name="span_until"
    )
    progress: int = column("How much of the file is made, in percent: 0 to 100.")
    row_count: int = column("The number of rows, or of those written so far.")
    byte_count: int | None = column(
        "The size of the file in bytes, or null if there is no file. A larger one is shown as "
        "2,147,483,647.",
        name="shown_bytes",
        sql=lambda _, export: func.least(export.byte_count, MAX_INT),
    )
    failure: ExportFailure | None = computed(
        exports.failure_of, sql=lambda _, export: export.failure
    )
    url: str | None = computed(exports.url)
    created_by: User | None = related(
        "The user who requested it, or null if a program did.", requires=P.USERS_READ
    )
    created_at: datetime = column("When it was requested.")
    ended_at: datetime | None = column("When it was done or failed, or null if it hasn't ended.")
    expires_at: datetime | None = column(
        "When the export and its file are deleted, or null if it hasn't ended."
    )


@strawberry.type
class ExportQueries:
    exports: Connection[Export] | None = connection(exports.exports, requires=P.ANALYTICS_READ)


@payload
class CreateExportPayload:
    """The result of `createExport`."""

    requested_export: Export | None
    replayed: bool


@payload
class RetryExportPayload:
    """The result of `retryExport`."""

    requested_export: Export | None


@strawberry.type
class ExportMutations:
    create_export: CreateExportPayload | None = mutation(
        exports.create_export,
        requires=P.ANALYTICS_READ,
        emits=[E.EXPORT_CREATED],
        idempotent=True,
    )
    retry_export: RetryExportPayload | None = mutation(
        exports.retry_export, requires=P.ANALYTICS_READ, emits=[E.EXPORT_RETRIED]
    )


@strawberry.type
class ExportSubscriptions:
    export_changed: Export = subscription(export_changes.export_changed, requires=P.ANALYTICS_READ)
