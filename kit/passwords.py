"""Passwords: hashed by argon2id in threads, only so many at once."""

import asyncio
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Checked:
    """Was it the right password? ``better_hash`` is to be stored where the old one is too weak."""

    right: bool
    better_hash: str | None = field(default=None, repr=False)


class Passwords:
    """Hashes passwords and checks them.

    A hash takes tens of milliseconds and 64 MiB, so no more than ``at_once`` are made at a time;
    the others wait in the order they came. ``checks`` counts the passwords checked so far.
    """

    def __init__(self, hasher: Argon2Hasher | None = None, *, at_once: int = AT_ONCE) -> None:
        self._hash = PasswordHash((hasher or Argon2Hasher(),))
        self._turns = asyncio.Semaphore(at_once)
        self._nobodys = self._hash.hash("nobody's password")
        self.checks = 0

    @classmethod
    def cheap(cls) -> Self:
        """For tests: quick to make, and quick to guess."""
        return cls(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    async def hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hash.hash, _normalised(password))

    async def check(
        self, password: str, hash: str | None, *, admit: Callable[[], None] = lambda: None
    ) -> Checked:
        """Compare a password with a stored hash.

        Without a hash it takes as long and is wrong. ``admit`` is called when its turn has come,
        and may raise to refuse.
        """
        async with self._turns:
            admit()
            self.checks += 1
            right, better = await asyncio.to_thread(
                self._hash.verify_and_update, _normalised(password), hash or self._nobodys
            )
        return Checked(right and hash is not None, better if hash else None)


def _normalised(password: str) -> str:
    # One password, however a keyboard composes its letters (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)
