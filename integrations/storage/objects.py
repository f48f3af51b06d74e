"""Stores files in a local folder, or at S3, Google Cloud Storage or Azure.

StorageError
├── StorageFull     there is no space left
├── ObjectMissing   there is no such file
└── StorageAway     the storage can't be reached, or refuses
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from errno import EDQUOT, EFBIG, ENOSPC
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import structlog

from kit.settings import Settings

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

PART_BYTES: Final = 5 * 1024 * 1024
"""The parts of an upload; S3 takes none that are smaller."""
READ_BYTES: Final = 1024 * 1024
"""How much is read at a time, so that a slow reader takes no more memory."""
UPLOADS_AT_ONCE: Final = 2
RETRY_TIMEOUT: Final = timedelta(seconds=60)
RETRIES: Final = 5

_FULL: Final = frozenset({ENOSPC, EDQUOT, EFBIG})

log = structlog.get_logger(__name__)


class StorageError(Exception):
    """The storage has not done what it was to do; the message is for operators."""


class StorageFull(StorageError):
    """There is no space left in the storage."""


class ObjectMissing(StorageError):
    """There is no file with this key."""


class StorageAway(StorageError):
    """The storage can't be reached, or refuses the request."""


class Storage:
    """Stores files under keys such as ``exports/a/b.csv``.

    A file is there as a whole or not at all: an upload that fails leaves nothing that can be read.
    ``url`` names a bucket, whose credentials are in the environment of the process; without one,
    files are in ``folder``. Methods raise StorageError.
    """

    def __init__(self, url: str | None, *, folder: Path) -> None:
        self._url = url
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the storage at BOOM_STORAGE_URL, by default a folder in BOOM_DATA."""
        return cls(settings.storage_url, folder=settings.data / "storage")

    @cached_property
    def _store(self) -> "ObjectStore":
        # Imported here: it is large, and most processes store nothing.
        from obstore.store import LocalStore, from_url

        with _errors():
            if self._url is None:
                # Other users of the machine must not read it.
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                return LocalStore(self._folder)
            if self._url.startswith("file:"):
                return from_url(self._url, mkdir=True)
            retries: RetryConfig = {"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT}
            return from_url(self._url, retry_config=retries)

    async def put(self, key: str, parts: AsyncIterable[bytes]) -> int:
        """Stores a file, replacing any other, and returns its size in bytes.

        It can be read once all parts are stored. What ``parts`` raises is raised, and stores
        nothing; so does a cancellation.
        """
        import obstore

        size = 0
        raised: BaseException | None = None

        async def counted() -> AsyncGenerator[bytes]:
            nonlocal size, raised
            try:
                async for part in parts:
                    size += len(part)
                    yield part
            except Exception as error:
                raised = error
                raise

        try:
            with _errors():
                await obstore.put_async(
                    self._store,
                    key,
                    counted(),
                    use_multipart=True,
                    chunk_size=PART_BYTES,
                    max_concurrency=UPLOADS_AT_ONCE,
                )
        except StorageError:
            if raised is not None:
                raise raised from None
            raise
        return size

    async def size(self, key: str) -> int:
        """Returns the size of a file in bytes."""
        import obstore

        with _errors():
            return (await obstore.head_async(self._store, key))["size"]

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yields the bytes of a file from ``start`` until ``end``, at most 1 MiB at a time."""
        import obstore

        for first in range(start, end, READ_BYTES):
            last = min(first + READ_BYTES, end)
            with _errors():
                part = await obstore.get_range_async(self._store, key, start=first, end=last)
            yield part.to_bytes()

    async def delete_below(self, prefix: str) -> int:
        """Deletes all files whose keys begin with ``prefix/``, and returns their number."""
        import obstore

        deleted = 0
        with _errors():
            async for batch in obstore.list(self._store, prefix):
                for each in batch:
                    try:
                        await obstore.delete_async(self._store, each["path"])
                    except FileNotFoundError:
                        continue
                    deleted += 1
        return deleted

    async def remove_leftovers(self, *, older_than: timedelta) -> int:
        """Removes what killed processes have left of uploads, and returns the number of files.

        Only of a local folder: at a bucket, a rule for incomplete uploads does it.
        """
        if self._url is not None:
            return 0
        return await asyncio.to_thread(_remove_leftovers, self._folder, older_than)


@contextmanager
def _errors() -> Iterator[None]:
    """Raises StorageError instead of the library's errors and the system's."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing(_first_line(error)) from error
    except OSError as error:
        kind = StorageFull if error.errno in _FULL else StorageAway
        raise kind(_first_line(error)) from error
    except (BaseError, ValueError) as error:
        # The library has the system's error as text only.
        is_full = any(f"(os error {code})" in str(error) for code in _FULL)
        raise (StorageFull if is_full else StorageAway)(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _remove_leftovers(folder: Path, older_than: timedelta) -> int:
    cutoff = time.time() - older_than.total_seconds()
    removed = 0
    # An upload is written to a file with a number after its name, and renamed at its end.
    for path in folder.rglob("*#*"):
        is_upload = path.is_file() and path.name.rpartition("#")[2].isdigit()
        if is_upload and path.stat().st_mtime < cutoff:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
