"""Throttles logins: growing pauses between wrong passwords, per account and per address."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kit.bounded_cache import BoundedDict

CAPACITY = 100_000


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """The pauses after failures: each failure above ``free`` doubles the pause.

    Failures expire within two windows, and no pause is longer than ``longest_pause``, so that
    nobody is locked out.
    """

    free: int
    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(seconds=60)
    window: timedelta = timedelta(minutes=15)

    def pause(self, failures: float) -> timedelta:
        """Returns the pause before the next attempt after so many failures."""
        if failures < self.free:
            return timedelta()
        doublings = min(failures - self.free, 30)
        return min(self.first_pause * 2**doublings, self.longest_pause)


PER_ACCOUNT = BackoffPolicy(free=5)
# Higher, because a whole office may share an address.
PER_ADDRESS = BackoffPolicy(free=20)


class LoginThrottle:
    """Slows down password guessing, per account and per address, in this process.

    Failures from other addresses don't count for the address from which an account was last logged
    in to: an attacker can't keep the owner waiting.
    """

    def __init__(
        self,
        *,
        per_account: BackoffPolicy = PER_ACCOUNT,
        per_address: BackoffPolicy = PER_ADDRESS,
        capacity: int = CAPACITY,
    ) -> None:
        self._per_account = per_account
        self._per_address = per_address
        self._failures: BoundedDict[_Failures] = BoundedDict(capacity)
        self._familiar: BoundedDict[None] = BoundedDict(capacity)

    def wait(self, account: str, address: str, *, now: datetime) -> timedelta:
        """Returns how long to wait for the next attempt; if zero, one attempt is spent.

        Call it just before the password is checked, where concurrent checks are limited: running
        attempts count only when they have failed. ``account`` is the text that was entered,
        whether it exists or not, so that both are treated alike.
        """
        paces = self._paces(account, address)
        waits = [self._failed(key, pace, now).next_at - now for key, pace in paces.items()]
        longest = max(waits)
        if longest > timedelta():
            return longest
        for key, pace in paces.items():
            failed = self._failed(key, pace, now)
            if failed.count(now, pace) >= pace.free:
                # Spent now, not at the failure: of many concurrent attempts only one passes.
                self._failures.put(key, failed.paused(now, pace))
        return timedelta()

    def failed(self, account: str, address: str, *, now: datetime) -> None:
        """Records a wrong password."""
        for key, pace in self._paces(account, address).items():
            self._failures.put(key, self._failed(key, pace, now).another(now, pace))

    def succeeded(self, account: str, address: str) -> None:
        """Records that the account's owner logged in from this address."""
        self._familiar.put(_pair(account, address), None)

    def _paces(self, account: str, address: str) -> dict[str, BackoffPolicy]:
        pair = _pair(account, address)
        own = pair if pair in self._familiar else f"account {account}"
        return {own: self._per_account, f"address {address}": self._per_address}

    def _failed(self, key: str, pace: BackoffPolicy, now: datetime) -> "_Failures":
        return (self._failures.get(key) or _Failures(now, 0, 0, now)).rolled(now, pace)


def _pair(account: str, address: str) -> str:
    return f"pair {address} {account}"


@dataclass(frozen=True, slots=True)
class _Failures:
    """Failures in the current window and the previous one, which counts less and less."""

    window_at: datetime
    before: int
    present: int
    next_at: datetime

    def rolled(self, now: datetime, pace: BackoffPolicy) -> "_Failures":
        windows = (now - self.window_at) // pace.window
        if windows <= 0:
            return self
        before = self.present if windows == 1 else 0
        return _Failures(self.window_at + windows * pace.window, before, 0, self.next_at)

    def count(self, now: datetime, pace: BackoffPolicy) -> float:
        age = (now - self.window_at) / pace.window
        return self.present + self.before * (1 - min(max(age, 0), 1))

    def another(self, now: datetime, pace: BackoffPolicy) -> "_Failures":
        more = _Failures(self.window_at, self.before, self.present + 1, self.next_at)
        return more.paused(now, pace)

    def paused(self, now: datetime, pace: BackoffPolicy) -> "_Failures":
        next_at = now + pace.pause(self.count(now, pace))
        return _Failures(self.window_at, self.before, self.present, next_at)
