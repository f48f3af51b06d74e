"""Live: how far an import has come."""

from typing import Annotated

from typing_extensions import Doc

from domain.core.ids import ImportId
from kit.events.event_streams import EventStream
from kit.operation_context import Operation
from models.imports.imports import Import, import_of
from permissions.roles import P
from subscriptions.row_changes import RowChanges


def import_changed(
    operation: Operation, *, id: Annotated[ImportId, Doc("The id of the import.")]
) -> EventStream[Import]:
    """The import as it is now, and after every change: at most one a second."""
    changes = RowChanges(id, import_of, P.IMPORTS_READ, "import")
    return EventStream(operation, changes, None)
