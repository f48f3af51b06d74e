"""Finds the file of a link, if its creator may still read all of it."""

from dataclasses import dataclass
from uuid import UUID

from domain.analytics.exports import ExportFormat, ExportKind, ExportStatus
from domain.core.log_events import Event, EventType
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.errors import Forbidden, Unavailable
from kit.postgres.failures import is_away
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.tokens import Downloads, FileLink
from models.analytics.exports import Export, export_of
from resolvers.accounts.authentication import actor_of_creator
from resolvers.analytics.export_columns import missing
from resolvers.analytics.exports import permissions_of
from resolvers.core.transactions import perform


class LinkUnknown(Exception):
    """There is no such link, or no such export any more."""


class LinkExpired(Exception):
    """The link was valid once."""


@dataclass(frozen=True, slots=True)
class DownloadableFile:
    """A file that may be downloaded, with its key in the storage and its name for people."""

    tenant_id: UUID
    export_id: UUID
    key: str
    etag: str
    name: str
    media_type: str


async def find_file(runtime: Runtime, request: Request, token: str) -> DownloadableFile:
    """Returns the file of a link.

    Raises LinkUnknown, LinkExpired, Forbidden if the export's creator may no longer read all of it,
    and Unavailable.
    """
    downloads = runtime.services[Downloads]
    assert isinstance(downloads, Downloads)
    link = downloads.read(token)
    if link is None:
        raise LinkUnknown
    if link.expires_at <= runtime.clock():
        raise LinkExpired
    scope = Scope(runtime, ANONYMOUS, request)
    try:
        await scope.enter(link.tenant_id)
        return await _file_of(scope, link)
    except Exception as error:
        if is_away(error):
            raise Unavailable("The service is unavailable; try again in a moment.") from error
        raise
    finally:
        await scope.close()


async def record_download(runtime: Runtime, request: Request, file: DownloadableFile) -> None:
    """Records in the audit log that a download was begun, and from which address.

    A link is used without credentials, so nobody is named. Raises Unavailable.
    """

    async def record(scope: Scope) -> None:
        await scope.lock()
        scope.emit(Event(EventType.EXPORT_DOWNLOADED, "Export", file.export_id))

    await perform(runtime, Actor(ActorKind.SYSTEM, file.tenant_id), request, record)


async def _file_of(scope: Scope, link: FileLink) -> DownloadableFile:
    export = await scope.one(export_of(link.tenant_id, link.subject_id))
    if export is None or export.status != ExportStatus.DONE.value:
        raise LinkUnknown
    creator = await actor_of_creator(scope, export.created_by_id, export.created_by_key_id)
    if creator is None or missing(creator, permissions_of(export)):
        raise Forbidden("The creator of this export may no longer read all of it.")
    format = ExportFormat(export.format)
    return DownloadableFile(
        export.tenant_id,
        export.id,
        export.key,
        f'"{export.id.hex}-{export.attempt}"',
        _name(export, format),
        format.media_type,
    )


def _name(export: Export, format: ExportFormat) -> str:
    kind = ExportKind(export.kind).value.lower().replace("_", "-")
    span = f"-{export.span_from}-{export.span_until}" if export.span else ""
    return f"{kind}{span}.{format.extension}"
