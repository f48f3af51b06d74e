"""Imports: files of customers, rooms or bookings to add."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType as E
from domain.core.refusals import Code
from domain.imports.columns import ColumnMapping, ImportField, ImportPreset
from domain.imports.imports import (
    DateFormat,
    ImportFailure,
    ImportFormat,
    ImportKind,
    ImportOutcome,
    ImportStatus,
)
from domain.imports.zones import ForeignZone
from models.imports.imports import ImportRow as Row
from permissions.roles import P
from resolvers.imports import imports
from schema.accounts.users import User
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, query, related, subscription, value
from schema.core.inputs import input_type
from schema.core.mutations import mutation, payload, unless_refused
from subscriptions import import_changes

describe(
    ImportKind,
    "What the rows of a file are.",
    CUSTOMERS="Customers. One who is known by e-mail address or phone gets what they lack.",
    ROOMS="Rooms. One whose name is known is skipped.",
    BOOKINGS="Bookings, with their customers. Past ones become COMPLETED or NO_SHOW.",
)
describe(
    ImportFormat,
    "The format of a file to import. Expect values to be added.",
    CSV="Values separated by commas, semicolons, tabs or bars, with headings: in UTF-8, UTF-16 or "
    "Windows-1252.",
    ICS="An iCalendar file.",
)
describe(
    ImportStatus,
    "The status of an import.",
    AWAITING_UPLOAD="Its file can be uploaded, for an hour.",
    QUEUED="It waits for the job that reads the file.",
    RUNNING="Its rows are being added, or tried.",
    DONE="All rows are done; `rows` has what became of each.",
    FAILED="The file could not be imported, or not to its end; `failure` says why.",
    UNDOING="It is being undone.",
    UNDONE="It was undone, except for what was changed since.",
)
describe(
    ImportFailure,
    "Why an import failed. Rows that were added before stay, and can be undone. Expect values to "
    "be added.",
    UNREADABLE="The file isn't what its format says; see `failureMessage`.",
    MISSING_COLUMNS="A column is missing, or isn't where `mapping` says.",
    AMBIGUOUS_DATES="Day and month could be the other way round: set `dateFormat`.",
    UNKNOWN_TIME_ZONES="The file has time zones of its own: say what they mean by `timeZones`.",
    TOO_MANY_ROWS="The file has too many rows, or its series too many occurrences: split it.",
    NOT_ALLOWED="The user or API key that prepared the import may no longer add its rows.",
    STORAGE_UNAVAILABLE="The storage for files could not be reached.",
    TIMED_OUT="It took longer than 30 minutes. Import the file again: what was added is skipped.",
    INTERRUPTED="The server was interrupted several times while it imported the file.",
    SERVER_ERROR="The server failed to import the file. The failure was recorded.",
)
describe(
    ImportOutcome,
    "What became of a row; of a dry run, what would have become of it.",
    CREATED="It was added.",
    UPDATED="It is known already, and got what it lacked.",
    SKIPPED="It is known already, or there is nothing to add; `problems` say which.",
    ERROR="It could not be added; `problems` say why.",
    UNDONE="It was added or updated, and that was taken back.",
)
describe(
    DateFormat,
    "The order of day, month and year in dates.",
    DMY="Day, month, year: 31/12/2027.",
    MDY="Month, day, year: 12/31/2027.",
    YMD="Year, month, day: 2027-12-31. Such dates are always understood.",
)
describe(
    ImportPreset,
    "A program whose files have known columns. Expect values to be added.",
    GOOGLE_CONTACTS="Google Contacts: the export as 'Google CSV'.",
    OUTLOOK_CONTACTS="Outlook: the export of contacts as CSV, in English.",
)
describe(
    ImportField,
    "What a column is about. Expect values to be added.",
    NAME="The whole name: of the customer, of the room, or of a booking's customer.",
    FIRST_NAME="The first name, if the name has two columns.",
    LAST_NAME="The last name, if the name has two columns.",
    EMAIL="The customer's e-mail address.",
    PHONE="The customer's phone number.",
    LOCALE="The customer's preferred language: a language tag such as 'en-US'.",
    NOTES="The notes about a customer, or the note of a booking: at most 2,000 characters.",
    TAGS="The customer's tags, separated by commas.",
    DESCRIPTION="The room's description.",
    CATEGORY="The room's category.",
    CAPACITY="The maximum number of people in the room.",
    COLOR="The room's color in calendars, as '#RRGGBB'.",
    BUFFER_BEFORE_MINUTES="The minutes to keep free before each booking of the room.",
    BUFFER_AFTER_MINUTES="The minutes to keep free after each booking of the room.",
    HOURLY_RATE="The price of an hour, in the venue's currency.",
    SEATS="The number of seats, if people book these.",
    EXTERNAL_ID="What identifies the booking in the other program, or its reference here: by this "
    "it is recognised when it is imported again. At most 255 characters.",
    STATUS="The booking's status, such as 'confirmed', 'cancelled' or 'no-show'. Cancelled "
    "bookings are skipped.",
    ROOM="The name of the booking's room.",
    STARTS_AT="When the booking starts: a date with a time, and perhaps an offset.",
    ENDS_AT="When the booking ends: a date with a time, and perhaps an offset.",
    DATE="The date on which the booking starts, if its time has a column of its own.",
    START_TIME="The time at which the booking starts, as '14:30' or '2:30 pm'.",
    END_TIME="The time at which the booking ends, on the same date.",
    DURATION_MINUTES="How long the booking lasts: minutes, or hours and minutes as '1:30'.",
    PARTY_SIZE="The number of people; 1 by default.",
)
input_type(
    ColumnMapping,
    "The column of a file that has a field.",
    name="ColumnMappingInput",
    field="What the column is about.",
    column="The heading of the column. Case, accents and punctuation don't matter.",
)
input_type(
    ForeignZone,
    "What a file's own name of a time zone means.",
    name="ForeignTimeZoneInput",
    tzid="The name of the zone in the file: a TZID, or X-WR-TIMEZONE.",
    time_zone="The time zone that it means.",
)


@value(imports.StoredProblem)
class ImportProblem:
    """What is wrong with a row of a file, or what else there is to know about it."""

    code: Code = column("The kind of problem, for programs.")
    message: str = column("What is wrong and what to do about it, in English, for a person.")
    column: str | None = column(
        "The heading of the column or the name of the property, or null if it is about no single "
        "one."
    )


@node(Row, visible=imports.visible_import_rows, requires=P.IMPORTS_READ)
class ImportRow(Node):
    """A row of a file, or an event, with what became of it."""

    line: int = column("The line of the file on which it begins: the first is 1.")
    outcome: ImportOutcome = computed(imports.outcome_of, sql=lambda _, row: row.outcome)
    problems: list[ImportProblem] = computed(imports.problems_of)


@node(models.Import, visible=imports.visible_imports, requires=P.IMPORTS_READ)
class Import(Node):
    """The import of a file of customers, rooms or bookings, which runs in the background."""

    kind: ImportKind = computed(imports.kind_of, sql=lambda _, row: row.kind)
    format: ImportFormat = computed(imports.format_of, sql=lambda _, row: row.format)
    status: ImportStatus = computed(imports.status_of, sql=lambda _, row: row.status)
    dry_run: bool = column("Whether the rows are only tried.", name="is_dry_run")
    notify: bool = column("Whether the usual messages about bookings are sent.", name="notifies")
    progress: int = computed(imports.progress_of)
    row_count: int | None = column(
        "The number of rows of the file, or null while it hasn't been read.", name="total_rows"
    )
    created_count: int = column("How many rows were added.")
    updated_count: int = column("How many rows were known, and got what they lacked.")
    skipped_count: int = column("How many rows were known, or had nothing to add.")
    error_count: int = column("How many rows could not be added.")
    undone_count: int = column(
        "How many of the added and updated rows were taken back; the others were changed since."
    )
    failure: ImportFailure | None = computed(imports.failure_of, sql=lambda _, row: row.failure)
    failure_message: str | None = column(
        "What is wrong with the file and what to do about it, in English, for a person, or null.",
        name="failure_detail",
    )
    rows: Connection[ImportRow] = connection(imports.import_rows, under=Row.import_id)
    created_by: User | None = related(
        "The user who prepared it, or null if a program did.", requires=P.USERS_READ
    )
    created_at: datetime = column("When it was prepared.")
    ended_at: datetime | None = column(
        "When it was done or failed, or null if it hasn't ended. It can be undone for a day."
    )
    undone_at: datetime | None = column("When it was undone, or null if it wasn't.")


@strawberry.type
class ImportQueries:
    import_: Import | None = query(imports.import_, requires=P.IMPORTS_READ)
    imports: Connection[Import] | None = connection(imports.imports, requires=P.IMPORTS_READ)


@payload
class CreateImportPayload:
    """The result of `createImport`.

    `uploadUrl` is where the file is sent by `PUT`, as it is, within an hour: an address, or a path
    on this server where that doesn't know its own. It works without credentials, and once, so treat
    it as a secret.
    """

    import_: Import | None = column(unless_refused("The import"))
    upload_url: str | None


@payload
class UndoImportPayload:
    """The result of `undoImport`."""

    import_: Import | None = column(unless_refused("The import"))


@strawberry.type
class ImportMutations:
    create_import: CreateImportPayload | None = mutation(
        imports.create_import, requires=P.IMPORTS_WRITE, emits=[E.IMPORT_CREATED]
    )
    undo_import: UndoImportPayload | None = mutation(
        imports.undo_import, requires=P.IMPORTS_WRITE, emits=[E.IMPORT_UNDO_REQUESTED]
    )


@strawberry.type
class ImportSubscriptions:
    import_changed: Import = subscription(import_changes.import_changed, requires=P.IMPORTS_READ)
