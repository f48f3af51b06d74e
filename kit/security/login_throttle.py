"""Growing pauses between wrong passwords, per account and per address."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kit.bounded_cache import BoundedDict

CAPACITY = 100_000


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """How fast one may go on after failures; the pause doubles with each above ``free``.

    Failures fade away within two windows, and no pause is longer than ``longest_pause``: nobody
    is locked out for good.
    """

    free: int
    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(seconds=60)
    window: timedelta = timedelta(minutes=15)

    def pause(self, failures: float) -> timedelta:
        """The time between one try and the next after so many failures."""
        if failures < self.free:
            return timedelta()
        doublings = min(failures - self.free, 30)
        return min(self.first_pause * 2**doublings, self.longest_pause)


PER_ACCOUNT = BackoffPolicy(free=5)
# Higher: a whole office may share an address.
PER_ADDRESS = BackoffPolicy(free=20)


class LoginThrottle:
    """Slows down the guessing of passwords, per account and per address, in this process.

    Where an account was last entered from an address, failures elsewhere don't count for that
    address: a stranger who guesses can't keep the owner waiting.
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
        """How long until the next try; zero: now, and then one try is spent.

        Ask where the number of tries at once is bounded, just before the password is checked:
        those still running count only when they have failed. ``account`` is what was typed,
        known or not, so that both are answered alike.
        """
        paces = self._paces(account, address)
        waits = [self._failed(key, pace, now).next_at - now for key, pace in paces.items()]
        longest = max(waits)
        if longest > timedelta():
            return longest
        for key, pace in paces.items():
            failed = self._failed(key, pace, now)
            if failed.count(now, pace) >= pace.free:
                # Spent now, not at its failure: of many tries at once only one gets through.
                self._failures.put(key, failed.paused(now, pace))
        return timedelta()

    def failed(self, account: str, address: str, *, now: datetime) -> None:
        """Remember a wrong password."""
        for key, pace in self._paces(account, address).items():
            self._failures.put(key, self._failed(key, pace, now).another(now, pace))

    def succeeded(self, account: str, address: str) -> None:
        """Remember that the account's owner was at this address."""
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
    """Failures in the present window and in the one before, which fades as the present ages."""

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
