"""Reads the file of an import: its rows, each with its line."""

from collections.abc import Sequence
from datetime import datetime

from domain.core.local_time import zone
from domain.imports.calendar_files import calendar_rows
from domain.imports.columns import ColumnMapping, ImportField, ImportPreset, find_columns
from domain.imports.imports import (
    MAX_ROOMS,
    MAX_ROWS,
    DateFormat,
    FileRefused,
    ImportFailure,
    ImportFormat,
    ImportKind,
)
from domain.imports.rows import AnyRow
from domain.imports.table_rows import Table, booking_rows, customer_rows, room_rows
from domain.imports.values import Dates
from domain.imports.zones import ForeignZone, KnownZones
from kit.tables.csv_files import read_csv
from kit.tables.decoding import UnreadableFile, decoded
from models.imports.imports import Import
from models.tenants import Tenant


def read_rows(content: bytes, of: Import, tenant: Tenant, now: datetime) -> Sequence[AnyRow]:
    """Returns the rows of a file. Takes long: call it in a thread. Raises FileRefused."""
    try:
        text = decoded(content)
        rows = _calendar(text, of, tenant, now) if _is_calendar(of) else _table(text, of, tenant)
    except UnreadableFile as error:
        raise FileRefused(ImportFailure.UNREADABLE, str(error)) from error
    most = MAX_ROOMS if of.kind == ImportKind.ROOMS.value else MAX_ROWS
    if len(rows) > most:
        problem = f"The file has {len(rows):,} rows; at most {most:,} are allowed. Split it."
        raise FileRefused(ImportFailure.TOO_MANY_ROWS, problem)
    return rows


def _is_calendar(of: Import) -> bool:
    return of.format == ImportFormat.ICS.value


def _calendar(text: str, of: Import, tenant: Tenant, now: datetime) -> Sequence[AnyRow]:
    return calendar_rows(
        text,
        zone=None if of.time_zone is None else zone(of.time_zone),
        venue_zone=zone(tenant.time_zone),
        known=KnownZones([ForeignZone(**each) for each in of.time_zones]),
        room_id=of.room_id,
        now=now,
        days_ahead=tenant.max_advance_days,
    )


def _table(text: str, of: Import, tenant: Tenant) -> Sequence[AnyRow]:
    file, kind = read_csv(text), ImportKind(of.kind)
    mapping = [ColumnMapping(ImportField(each["field"]), each["column"]) for each in of.mapping]
    places = find_columns(
        file.headings,
        kind,
        mapping=mapping,
        preset=None if of.preset is None else ImportPreset(of.preset),
    )
    table = Table(file.headings, [(row.line, row.cells) for row in file.rows], places)
    match kind:
        case ImportKind.CUSTOMERS:
            return customer_rows(table)
        case ImportKind.ROOMS:
            return room_rows(table)
        case ImportKind.BOOKINGS:
            order = None if of.date_format is None else DateFormat(of.date_format)
            dates = Dates(zone(of.time_zone or tenant.time_zone), order)
            return booking_rows(table, dates, room_id=of.room_id)
