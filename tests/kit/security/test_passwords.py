"""Passwords: hashing, verification, and their concurrency limit."""

import asyncio

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from kit.security.passwords import Checked, Passwords


@pytest.fixture
def passwords() -> Passwords:
    return Passwords.cheap()


async def test_the_password_of_a_hash_is_right(passwords: Passwords) -> None:
    hash = await passwords.hash("correct horse")

    assert await passwords.check("correct horse", hash) == Checked(right=True)
    assert await passwords.check("battery staple", hash) == Checked(right=False)


async def test_a_password_is_hashed_by_argon2id_with_a_salt_of_its_own(
    passwords: Passwords,
) -> None:
    first, second = await passwords.hash("correct horse"), await passwords.hash("correct horse")

    assert first.startswith("$argon2id$")
    assert first != second


async def test_without_a_hash_a_password_is_checked_all_the_same_and_wrong(
    passwords: Passwords,
) -> None:
    checked = await passwords.check("nobody's password", None)

    assert checked == Checked(right=False)
    assert passwords.checks == 1


async def test_the_first_check_costs_the_same_with_a_hash_and_without() -> None:
    hashed: list[str] = []

    class Counted(Argon2Hasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            hashed.append("a hash")
            return super().hash(password, salt=salt)

    cheap = Counted(time_cost=1, memory_cost=8, parallelism=1)
    stored = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash("their password")
    costs = []
    for hash in (stored, None):
        hashed.clear()
        passwords = Passwords(cheap)
        assert hashed == []
        await passwords.check("their password", hash)
        costs.append(len(hashed))

    assert costs == [1, 1]


async def test_a_letter_is_the_same_however_the_keyboard_composes_it(
    passwords: Passwords,
) -> None:
    hash = await passwords.hash("caf\u00e9 au lait")

    assert await passwords.check("cafe\u0301 au lait", hash) == Checked(right=True)


async def test_a_weak_hash_is_made_anew_once_its_password_is_known(passwords: Passwords) -> None:
    weak = await passwords.hash("correct horse")
    stronger = Passwords(Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1))

    checked = await stronger.check("correct horse", weak)

    assert checked.right
    assert checked.better_hash is not None
    assert await stronger.check("correct horse", checked.better_hash) == Checked(right=True)


async def test_who_is_not_admitted_costs_no_hash(passwords: Passwords) -> None:
    def refuse() -> None:
        raise PermissionError

    with pytest.raises(PermissionError):
        await passwords.check("correct horse", None, admit=refuse)

    assert passwords.checks == 0


async def test_only_so_many_are_checked_at_once(passwords: Passwords) -> None:
    running = most = 0

    class Watched(Argon2Hasher):
        def verify(self, password: str | bytes, hash: str | bytes) -> bool:
            nonlocal running, most
            running += 1
            most = max(most, running)
            right = super().verify(password, hash)
            running -= 1
            return right

    watched = Passwords(Watched(time_cost=1, memory_cost=1024, parallelism=1), at_once=2)
    await asyncio.gather(*(watched.check("correct horse", None) for _ in range(20)))

    assert most <= 2
    assert watched.checks == 20
