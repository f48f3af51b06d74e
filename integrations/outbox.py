"""The local outbox: what is stored in a folder of BOOM_DATA instead of being sent."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import orjson
import structlog

from kit.settings import Settings

KEPT: Final = 200
"""How many messages are kept, the latest ones, of all kinds together."""

_TIME: Final = "%Y%m%dT%H%M%S.%f"

log = structlog.get_logger(__name__)


class OutboxKind(StrEnum):
    """The kind of a message, which is the ending of its file."""

    MAIL = "eml"
    SMS = "sms"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A stored message; ``id`` names its file."""

    id: str
    kind: OutboxKind
    stored_at: datetime


class Outbox:
    """Stores the last messages as files. Several processes may share the folder."""

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        self._folder = folder
        self._kept = kept

    @classmethod
    def of(cls, settings: Settings) -> "Outbox":
        """Returns the outbox in BOOM_DATA."""
        return cls(settings.data / "outbox")

    async def store(self, kind: OutboxKind, content: bytes, *, at: datetime) -> None:
        id = f"{at.astimezone(UTC):{_TIME}}-{secrets.token_hex(2)}.{kind}"
        await asyncio.to_thread(self._store, id, content)
        log.info("outbox.stored", file=str(self._folder / id))

    async def store_fields(
        self, kind: OutboxKind, fields: Mapping[str, object], *, at: datetime
    ) -> None:
        """Stores a message that isn't a mail, as JSON."""
        await self.store(kind, orjson.dumps(fields), at=at)

    async def entries(self) -> Sequence[OutboxEntry]:
        """Returns the stored messages, newest first."""
        ids = await asyncio.to_thread(self._ids)
        return [entry for id in reversed(ids) if (entry := _entry(id)) is not None]

    async def read(self, id: str) -> bytes | None:
        """Returns the content of a stored message; None if there is none with this id."""
        if _entry(id) is None:
            return None
        try:
            return await asyncio.to_thread((self._folder / id).read_bytes)
        except FileNotFoundError:
            return None

    def _store(self, id: str, content: bytes) -> None:
        # Other users of the machine must not read the tokens in them.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Renamed, so that no other process reads half of it.
        unfinished = self._folder / f".{id}"
        unfinished.write_bytes(content)
        unfinished.replace(self._folder / id)
        for old in self._ids()[: -self._kept]:
            (self._folder / old).unlink(missing_ok=True)

    def _ids(self) -> list[str]:
        """Returns the names of the files, oldest first."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in names if _entry(name) is not None)


def _entry(id: str) -> OutboxEntry | None:
    """Returns what the name of a file says; None for the name of another file."""
    stem, _, suffix = id.rpartition(".")
    time, _, nonce = stem.rpartition("-")
    try:
        int(nonce, 16)
        stored_at = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
        return OutboxEntry(id, OutboxKind(suffix), stored_at)
    except ValueError:
        return None
