"""Limits on open sockets and different subscriptions, by address, login and tenant."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from kit.actor import Actor
from kit.errors import Throttled
from kit.security.network_addresses import network_of

SOCKETS_OF_LOGIN: Final = 5
QUESTIONS_OF_LOGIN: Final = 50
QUESTIONS_OF_TENANT: Final = 200

# A retry succeeds only after something has been closed.
_RETRY_AFTER_SECONDS: Final = 30


def login_of(actor: Actor, address: str | None) -> str:
    """Returns what counts as one login: a session or a key; if anonymous, the address."""
    if actor.tenant_id is None:
        return network_of(address)
    return f"{actor.tenant_id} {actor.session_id or actor.id}"


class ConcurrencyLimits:
    """Counts open sockets and subscriptions of this process; an event stream is a socket."""

    def __init__(self, *, sockets_of_address: int, is_enforced: bool = True) -> None:
        self._is_enforced = is_enforced
        self._sockets_of_address = _Open("sockets of one address", sockets_of_address)
        self._sockets_of_login = _Open("sockets of one login", SOCKETS_OF_LOGIN)
        self._questions_of_login = _Open("different subscriptions of one login", QUESTIONS_OF_LOGIN)
        self._questions_of_tenant = _Open(
            "different subscriptions of one tenant", QUESTIONS_OF_TENANT
        )

    @contextmanager
    def socket_of_address(self, address: str | None, socket: Hashable) -> Iterator[None]:
        """Counts a socket while the block runs. Raises Throttled over the limit."""
        with self._counted(self._sockets_of_address, network_of(address), socket):
            yield

    @contextmanager
    def socket_of_login(
        self, actor: Actor, address: str | None, socket: Hashable
    ) -> Iterator[None]:
        """Counts a socket of an authenticated caller. Raises Throttled over the limit."""
        with self._counted(self._sockets_of_login, login_of(actor, address), socket):
            yield

    @contextmanager
    def question(self, actor: Actor, address: str | None, question: Hashable) -> Iterator[None]:
        """Counts a subscription, equal ones once. Raises Throttled over the limit."""
        with (
            self._counted(self._questions_of_login, login_of(actor, address), question),
            self._counted(self._questions_of_tenant, str(actor.tenant_id), question),
        ):
            yield

    @contextmanager
    def _counted(self, open: "_Open", holder: str, thing: Hashable) -> Iterator[None]:
        if not self._is_enforced:
            yield
            return
        open.add(holder, thing)
        try:
            yield
        finally:
            open.remove(holder, thing)


class _Open:
    """Counts what each holder has open: at most ``limit`` different things."""

    def __init__(self, what: str, limit: int) -> None:
        self._what = what
        self._limit = limit
        self._things: defaultdict[str, Counter[Hashable]] = defaultdict(Counter)

    def add(self, holder: str, thing: Hashable) -> None:
        things = self._things[holder]
        if thing not in things and len(things) >= self._limit:
            raise Throttled(
                f"Too many {self._what}: at most {self._limit} may be open at once.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        things[thing] += 1

    def remove(self, holder: str, thing: Hashable) -> None:
        things = self._things[holder]
        things[thing] -= 1
        if not things[thing]:
            del things[thing]
        if not things:
            del self._things[holder]
