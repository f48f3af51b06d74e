"""Live: how far an export has come."""

from typing import Annotated

from typing_extensions import Doc

from domain.core.ids import ExportId
from kit.events.event_streams import EventStream
from kit.operation_context import Operation
from models.analytics.exports import Export, export_of
from permissions.roles import P
from subscriptions.row_changes import RowChanges


def export_changed(
    operation: Operation, *, id: Annotated[ExportId, Doc("The id of the export.")]
) -> EventStream[Export]:
    """The export as it is now, and after every change: at most one a second."""
    changes = RowChanges(id, export_of, P.ANALYTICS_READ, "export")
    return EventStream(operation, changes, None)
