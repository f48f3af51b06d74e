"""Payers of live events, which are charged to the same buckets as operations."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kit.security.token_bucket import Charge


@dataclass(frozen=True, slots=True)
class Payer:
    """A login at an address, which pays once for an event to several of its subscribers.

    ``charge`` takes points, or none if the buckets lack them; ``take`` goes into debt.
    """

    login: str
    address: str
    charge: Callable[[int], Charge] = field(compare=False)
    take: Callable[[int], Charge] = field(compare=False)
