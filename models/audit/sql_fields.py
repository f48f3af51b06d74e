"""Fields of the audit log that are computed in SQL."""

from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, func, select

from models.audit import log


def event_cursor(scope: Any, _: Any) -> ColumnElement[str]:
    """Returns the cursor of the log's end in the statement's snapshot."""
    end = log.end(scope.tenant_id).subquery("log_end")
    packed: ColumnElement[Any] = func.uuid_send(scope.tenant_id, type_=LargeBinary())
    for part in (end.c.generation, end.c.xid, end.c.position):
        packed = packed.concat(func.int8send(part, type_=LargeBinary()))
    text = func.translate(func.encode(packed, "base64"), "+/", "-_")
    return select(text).select_from(end).scalar_subquery()
