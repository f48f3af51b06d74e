"""Storage: files are there as a whole or not at all, in a folder as at S3."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from errno import ENOSPC
from pathlib import Path

import pytest
import pytest_asyncio

from integrations.storage import objects
from integrations.storage.objects import ObjectMissing, Storage, StorageAway, StorageFull
from kit.settings import Environment, Settings
from tests.integrations.storage.s3_server import BUCKET, FakeS3

KEY = "exports/a/1.csv"


@pytest_asyncio.fixture(scope="module")
async def server() -> AsyncIterator[FakeS3]:
    async with FakeS3().served() as served:
        yield served


@pytest.fixture
def s3(server: FakeS3, monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """An empty bucket, which the environment names."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    server.empty()
    return server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture(params=["folder", "file", "s3"])
def storage(request: pytest.FixtureRequest, folder: Path, s3: FakeS3) -> Storage:
    urls = {"folder": None, "file": f"file://{folder}", "s3": f"s3://{BUCKET}/boom"}
    return Storage(urls[request.param], folder=folder)


async def parts(*sizes: int, fails: Exception | None = None) -> AsyncIterator[bytes]:
    for number, size in enumerate(sizes):
        yield bytes([ord("a") + number]) * size
    if fails is not None:
        raise fails


def files_in(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


async def content(storage: Storage, start: int, end: int) -> bytes:
    return b"".join([part async for part in storage.read(KEY, start, end)])


async def test_a_file_of_many_parts_is_read_from_anywhere(storage: Storage, s3: FakeS3) -> None:
    size = await storage.put(KEY, parts(4_000_000, 4_000_000, 4_000_000))

    assert size == await storage.size(KEY) == 12_000_000
    whole = await content(storage, 0, size)
    assert whole == b"a" * 4_000_000 + b"b" * 4_000_000 + b"c" * 4_000_000
    assert await content(storage, 3_999_998, 4_000_003) == b"aabbb"
    assert s3.parts in (0, 3) and not s3.uploads


async def test_a_later_file_replaces_one_with_the_same_key(storage: Storage) -> None:
    await storage.put(KEY, parts(10))
    await storage.put(KEY, parts(3))

    assert await storage.size(KEY) == 3


async def test_an_empty_file_is_one(storage: Storage) -> None:
    assert await storage.put(KEY, parts()) == 0

    assert await storage.size(KEY) == 0


async def test_a_file_that_fails_is_not_there(storage: Storage, folder: Path, s3: FakeS3) -> None:
    failure = OSError(ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space") as raised:
        await storage.put(KEY, parts(6_000_000, 6_000_000, fails=failure))

    assert raised.value is failure
    with pytest.raises(ObjectMissing):
        await storage.size(KEY)
    assert files_in(folder) == []
    assert s3.objects == {} and s3.uploads == {}


async def test_a_cancelled_upload_leaves_nothing(storage: Storage, folder: Path) -> None:
    began = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a" * 1_000_000
            began.set()
            await asyncio.sleep(0.01)

    upload = asyncio.create_task(storage.put(KEY, endless()))
    await began.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload

    with pytest.raises(ObjectMissing):
        await storage.size(KEY)
    # The library removes what it wrote in a thread of its own.
    async with asyncio.timeout(30):
        while files_in(folder):  # noqa: ASYNC110 - the library tells nobody
            await asyncio.sleep(0.01)


async def test_files_are_deleted_by_what_their_keys_begin_with(storage: Storage) -> None:
    for key in ("exports/a/1.csv", "exports/a/2.csv", "exports/b/1.csv"):
        await storage.put(key, parts(1))

    assert await storage.delete_below("exports/a") == 2
    assert await storage.delete_below("exports/a") == 0
    assert await storage.size("exports/b/1.csv") == 1


async def test_a_missing_file_is_missing(storage: Storage) -> None:
    with pytest.raises(ObjectMissing):
        await content(storage, 0, 1)


async def test_a_bucket_that_is_away_says_so(
    folder: Path, s3: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "RETRIES", 1)
    storage = Storage(f"s3://{BUCKET}", folder=folder)
    s3.is_away = True

    with pytest.raises(StorageAway):
        await storage.put(KEY, parts(10))
    with pytest.raises(StorageAway):
        await storage.size(KEY)


async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("a file")

    with pytest.raises(StorageAway):
        await Storage(None, folder=tmp_path / "storage").put(KEY, parts(10))


@pytest.fixture
def _small_files() -> Iterator[None]:
    """The process may write no file larger than 1 MB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("_small_files")
async def test_a_full_disk_says_so_and_leaves_nothing(folder: Path) -> None:
    storage = Storage(None, folder=folder)

    with pytest.raises(StorageFull):
        await storage.put(KEY, parts(6_000_000, 6_000_000))

    assert files_in(folder) == []


async def test_only_old_leftovers_of_uploads_are_removed(folder: Path) -> None:
    storage = Storage(None, folder=folder)
    await storage.put(KEY, parts(1))
    for name, is_old in (("2.csv#1", True), ("3.csv#1", False), ("4#x.csv", True)):
        left = folder / "exports" / "a" / name
        left.write_text("half")
        if is_old:
            os.utime(left, (0, 0))

    assert await storage.remove_leftovers(older_than=timedelta(hours=1)) == 1
    names = {each.name for each in (folder / "exports" / "a").iterdir()}
    assert names == {"1.csv", "3.csv#1", "4#x.csv"}


def test_without_a_url_files_are_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, environment=Environment.TEST, data=tmp_path)

    asyncio.run(Storage.of(settings).put(KEY, parts(1)))

    assert (tmp_path / "storage" / KEY).read_bytes() == b"a"
    assert (tmp_path / "storage").stat().st_mode & 0o777 == 0o700
