"""Who pays for live events: they take points of the same buckets as operations."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kit.security.token_bucket import Charge


@dataclass(frozen=True, slots=True)
class Payer:
    """A login at an address. What several of its subscribers are told costs it once.

    ``charge`` takes points, or none where the buckets don't have them; ``take`` goes into debt.
    """

    login: str
    address: str
    charge: Callable[[int], Charge] = field(compare=False)
    take: Callable[[int], Charge] = field(compare=False)
