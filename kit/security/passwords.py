"""Hashes passwords by argon2id in threads, with limited concurrency and logins first."""

import asyncio
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, ParamSpec, Self, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from kit.security.priority_semaphore import Lane, Lanes

P = ParamSpec("P")
R = TypeVar("R")

AT_ONCE: Final = 2
WAITING: Final[Mapping[Lane, int]] = {Lane.URGENT: 100, Lane.ORDINARY: 50}
"""How many may wait in each lane: a few seconds' work."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check; ``better_hash`` should be stored if the old one is too weak."""

    right: bool
    better_hash: str | None = field(default=None, repr=False)


class Passwords:
    """Hashes and checks passwords.

    A hash takes tens of milliseconds and 64 MiB, so at most ``at_once`` are computed at a time.
    By default checks go before new hashes, so that logins don't wait for registrations. Each lane
    is first in, first out; raises Throttled if too many wait already. ``checks`` and ``hashes``
    count the work done.
    """

    def __init__(
        self,
        hasher: Argon2Hasher | None = None,
        *,
        at_once: int = AT_ONCE,
        waiting: Mapping[Lane, int] = WAITING,
    ) -> None:
        self._hash = PasswordHash((hasher or Argon2Hasher(),))
        self._lanes = Lanes(at_once=at_once, waiting=waiting)
        self.checks = self.hashes = 0

    @classmethod
    def cheap(cls) -> Self:
        """Returns a fast and weak hasher for tests."""
        return cls(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    async def hash(self, password: str) -> str:
        """Returns the hash to store for a new password."""
        async with self._lanes.turn(Lane.ORDINARY):
            self.hashes += 1
            return await _to_its_end(self._hash.hash, _normalised(password))

    async def check(
        self,
        password: str,
        hash: str | None,
        *,
        lane: Lane = Lane.URGENT,
        admit: Callable[[], None] = lambda: None,
    ) -> Checked:
        """Compares a password with a stored hash.

        Without a hash it takes as long, and the password is wrong. ``admit`` is called when its
        turn comes, and may raise to refuse.
        """
        async with self._lanes.turn(lane):
            admit()
            self.checks += 1
            right, better = await _to_its_end(self._verify, _normalised(password), hash)
        return Checked(right and hash is not None, better if hash else None)

    def _verify(self, password: str, hash: str | None) -> tuple[bool, str | None]:
        # The first check of all makes it, with a hash or without: its time shows nothing either.
        nobodys = self._nobodys
        return self._hash.verify_and_update(password, hash or nobodys)

    @cached_property
    def _nobodys(self) -> str:
        return self._hash.hash("nobody's password")


async def _to_its_end(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # A thread can't be cancelled, so its turn ends only when it does.
        await asyncio.wait([work])
        raise


def _normalised(password: str) -> str:
    # The same password however a keyboard composes its characters (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)
