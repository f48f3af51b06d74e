"""Passwords: hashed by argon2id in threads, only so many at once, logins first."""

import asyncio
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, ParamSpec, Self, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from kit.security.priority_semaphore import Lane, Lanes

P = ParamSpec("P")
R = TypeVar("R")

AT_ONCE: Final = 2
WAITING: Final[Mapping[Lane, int]] = {Lane.URGENT: 100, Lane.ORDINARY: 50}
"""How many wait for their turn at most: a few seconds' work."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Was it the right password? ``better_hash`` is to be stored where the old one is too weak."""

    right: bool
    better_hash: str | None = field(default=None, repr=False)


class Passwords:
    """Hashes passwords and checks them.

    A hash takes tens of milliseconds and 64 MiB, so no more than ``at_once`` are made at a time.
    Checks go before new hashes, if not said otherwise: whoever logs in waits for nobody who signs
    up. Each lane waits in the order of arrival; raises Throttled where too many wait already.
    ``checks`` and ``hashes`` count what was done so far.
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
        self._nobodys = self._hash.hash("nobody's password")
        self.checks = self.hashes = 0

    @classmethod
    def cheap(cls) -> Self:
        """For tests: quick to make, and quick to guess."""
        return cls(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    async def hash(self, password: str) -> str:
        """Make the hash that is stored of a new password."""
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
        """Compare a password with a stored hash.

        Without a hash it takes as long and is wrong. ``admit`` is called when its turn has come,
        and may raise to refuse.
        """
        async with self._lanes.turn(lane):
            admit()
            self.checks += 1
            right, better = await _to_its_end(
                self._hash.verify_and_update, _normalised(password), hash or self._nobodys
            )
        return Checked(right and hash is not None, better if hash else None)


async def _to_its_end(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # A thread can't be stopped: its turn ends when it does, or ever more of them would run.
        await asyncio.wait([work])
        raise


def _normalised(password: str) -> str:
    # One password, however a keyboard composes its letters (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)
