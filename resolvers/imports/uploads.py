"""Takes the file of an import from the bearer of its link, once."""

from dataclasses import dataclass
from uuid import UUID

from domain.imports.imports import ImportStatus
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.errors import Unavailable
from kit.ids import new_id
from kit.postgres.failures import is_away
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.tokens import Uploads
from models.imports.imports import IMPORT_JOB, import_of, key_of
from resolvers.core.transactions import perform


class UploadUnknown(Exception):
    """There is no such link, or no such import any more."""


class UploadExpired(Exception):
    """The link was valid once."""


class AlreadyUploaded(Exception):
    """The import has its file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is being uploaded; each has an id of its own, so that none replaces another."""

    tenant_id: UUID
    import_id: UUID
    file_id: UUID

    @property
    def key(self) -> str:
        """The key of the file in the storage."""
        return key_of(self.tenant_id, self.import_id, self.file_id)


async def find_upload(runtime: Runtime, request: Request, token: str) -> Upload:
    """Returns the upload of a link.

    Raises UploadUnknown, UploadExpired, AlreadyUploaded, and Unavailable.
    """
    uploads = runtime.services[Uploads]
    assert isinstance(uploads, Uploads)
    link = uploads.read(token)
    if link is None:
        raise UploadUnknown
    if link.expires_at <= runtime.clock():
        raise UploadExpired
    scope = Scope(runtime, ANONYMOUS, request)
    try:
        await scope.enter(link.tenant_id)
        found = await scope.one(import_of(link.tenant_id, link.subject_id))
    except Exception as error:
        if is_away(error):
            raise Unavailable("The service is unavailable; try again in a moment.") from error
        raise
    finally:
        await scope.close()
    if found is None:
        raise UploadUnknown
    if found.status != ImportStatus.AWAITING_UPLOAD.value:
        raise AlreadyUploaded
    return Upload(link.tenant_id, link.subject_id, new_id())


async def finish_upload(runtime: Runtime, request: Request, upload: Upload, size: int) -> None:
    """Starts the import of a file that is stored. Raises AlreadyUploaded, and Unavailable."""

    async def start(scope: Scope) -> None:
        await scope.lock(("import", upload.import_id))
        started = await scope.one(import_of(upload.tenant_id, upload.import_id))
        if started is None or started.status != ImportStatus.AWAITING_UPLOAD.value:
            raise AlreadyUploaded
        started.status = ImportStatus.QUEUED.value
        started.file_id, started.byte_count = upload.file_id, size
        started.expires_at = None
        started.version += 1
        scope.enqueue(IMPORT_JOB, {"id": str(started.id)}, dedupe=str(started.id))

    await perform(runtime, Actor(ActorKind.SYSTEM, upload.tenant_id), request, start)
