"""How much each caller may ask for: buckets by address, login and tenant; the emptiest decides."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from domain.plans import PlanCode
from kit.addresses import network_of
from kit.recent import Recent
from kit.scope import Actor, ActorKind
from kit.throttle import Bucket, Charge, Throttle

BUCKETS: Final = {
    PlanCode.STARTER: Bucket(restore_rate=100, maximum=4_000),
    PlanCode.PROFESSIONAL: Bucket(restore_rate=400, maximum=10_000),
    PlanCode.ENTERPRISE: Bucket(restore_rate=1_000, maximum=20_000),
}
"""The bucket of one login, by its tenant's plan.

The first is also that of the strangers at one address, the last that of all who call from it.
"""

TENANT_TIMES: Final = 5
"""How many times a login's bucket a tenant's is.

A tenant has two: one of its users and keys, another of its customers. Whoever registers as a
customer can't use up what the people at the desk need.
"""

KNOWN: Final = 10_000

_Buckets = tuple[tuple[str, Bucket], ...]


class RateLimiter:
    """Charges callers for their operations, in this process."""

    def __init__(self, *, is_enforced: bool = True) -> None:
        self._throttle = Throttle()
        self._is_enforced = is_enforced
        self._logins: Recent[_Login] = Recent(KNOWN)
        self._addresses: Recent[_Address] = Recent(KNOWN)

    def charge(self, actor: Actor, address: str | None, cost: int, *, now: datetime) -> Charge:
        """Take the points, at least one: whatever is sent has to be read."""
        buckets = self._buckets(actor, address)
        if not self._is_enforced:
            return _full(buckets)
        return self._throttle.charge(buckets, max(cost, 1), now=now)

    def take(self, actor: Actor, address: str | None, cost: int, *, now: datetime) -> Charge:
        """Take the points, even where they aren't left: what they are for is done."""
        buckets = self._buckets(actor, address)
        if not self._is_enforced:
            return _full(buckets)
        return self._throttle.take(buckets, cost, now=now)

    def look(self, actor: Actor, address: str | None, cost: int, *, now: datetime) -> Charge:
        """Whether so many points are left; none is taken."""
        buckets = self._buckets(actor, address)
        if not self._is_enforced:
            return _full(buckets)
        return self._throttle.look(buckets, cost, now=now)

    def _buckets(self, actor: Actor, address: str | None) -> _Buckets:
        known = self._addresses.get(address)
        if known is None:
            known = _Address.of(address)
            self._addresses.put(address, known)
        if actor.tenant_id is None:
            return known.of_strangers
        return (known.of_all, *self._login(actor).buckets)

    def _login(self, actor: Actor) -> "_Login":
        # By identity: to compare ten fields costs more than all the rest.
        login = self._logins.get(id(actor))
        if login is None:
            login = _Login(_buckets_of(actor), actor)
            self._logins.put(id(actor), login)
        return login


class _Login(NamedTuple):
    """The buckets of a login; the actor is kept so that no other one gets its identity."""

    buckets: _Buckets
    actor: Actor


class _Address(NamedTuple):
    """The buckets of an address: of all that comes from it, and of strangers there."""

    of_all: tuple[str, Bucket]
    of_strangers: _Buckets

    @classmethod
    def of(cls, address: str | None) -> "_Address":
        network = network_of(address)
        of_all = (f"address {network}", BUCKETS[PlanCode.ENTERPRISE])
        return cls(of_all, (of_all, (f"strangers {network}", BUCKETS[PlanCode.STARTER])))


def _buckets_of(actor: Actor) -> _Buckets:
    """The login's own, which all sessions of a user share, and its tenant's."""
    bucket = BUCKETS[PlanCode(actor.plan) if actor.plan else PlanCode.STARTER]
    whose = "customers" if actor.kind is ActorKind.CUSTOMER else "tenant"
    of_tenant = Bucket(bucket.restore_rate * TENANT_TIMES, bucket.maximum * TENANT_TIMES)
    return (f"{actor.tenant_id} {actor.id}", bucket), (f"{whose} {actor.tenant_id}", of_tenant)


def _full(buckets: Sequence[tuple[str, Bucket]]) -> Charge:
    bucket = min([bucket for _, bucket in buckets], key=lambda each: each.maximum)
    return Charge(True, bucket.maximum, bucket.maximum, bucket.restore_rate, 0)
