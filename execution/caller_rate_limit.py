"""Rate limits of callers: token buckets by address, login and tenant; the emptiest decides."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from domain.tenants.plans import PlanCode
from kit.actor import Actor, ActorKind
from kit.bounded_cache import BoundedDict
from kit.security.network_addresses import network_of
from kit.security.token_bucket import Bucket, Charge, TokenBuckets

BUCKETS: Final = {
    PlanCode.STARTER: Bucket(restore_rate=100, maximum=4_000),
    PlanCode.PROFESSIONAL: Bucket(restore_rate=400, maximum=10_000),
    PlanCode.ENTERPRISE: Bucket(restore_rate=1_000, maximum=20_000),
}
"""The bucket of one login, by its tenant's plan.

The first is also that of the anonymous callers at one address, the last that of all callers there.
"""

TENANT_TIMES: Final = 5
"""How many times as large a tenant's bucket is as a login's.

A tenant has two, for its users and keys, and for its customers. So customers can't use up what the
staff need.
"""

CACHED_CALLERS: Final = 10_000

_Buckets = tuple[tuple[str, Bucket], ...]


class RateLimiter:
    """Charges callers for their operations, in this process."""

    def __init__(self, *, is_enforced: bool = True) -> None:
        self._throttle = TokenBuckets()
        self._is_enforced = is_enforced
        self._callers: BoundedDict[_Caller] = BoundedDict(CACHED_CALLERS)

    def charge(self, actor: Actor, address: str | None, cost: int, *, now: datetime) -> Charge:
        """Charges the points, at least one."""
        buckets = self._buckets(actor, address)
        if not self._is_enforced:
            return _full(buckets)
        return self._throttle.charge(buckets, cost or 1, now=now)

    def take(self, actor: Actor, address: str | None, cost: int, *, now: datetime) -> Charge:
        """Charges the points even into debt, for work that is done already."""
        buckets = self._buckets(actor, address)
        if not self._is_enforced:
            return _full(buckets)
        return self._throttle.take(buckets, cost, now=now)

    def look(self, actor: Actor, address: str | None, cost: int, *, now: datetime) -> Charge:
        """Returns what ``charge`` would, without charging."""
        buckets = self._buckets(actor, address)
        if not self._is_enforced:
            return _full(buckets)
        return self._throttle.look(buckets, cost, now=now)

    def _buckets(self, actor: Actor, address: str | None) -> _Buckets:
        # By identity: comparing ten fields would cost more than the rest of the charge.
        key = id(actor), address
        caller = self._callers.get(key)
        if caller is None:
            caller = _Caller(_buckets_of(actor, network_of(address)), actor)
            self._callers.put(key, caller)
        return caller.buckets


class _Caller(NamedTuple):
    """The buckets of a caller; the actor is kept so that its id() isn't reused."""

    buckets: _Buckets
    actor: Actor


def _buckets_of(actor: Actor, network: str) -> _Buckets:
    """Returns the bucket of the address, and of a login its own and its tenant's.

    All sessions of a user share one bucket.
    """
    of_all = f"address {network}", BUCKETS[PlanCode.ENTERPRISE]
    if actor.tenant_id is None:
        return of_all, (f"strangers {network}", BUCKETS[PlanCode.STARTER])
    bucket = BUCKETS[PlanCode(actor.plan) if actor.plan else PlanCode.STARTER]
    whose = "customers" if actor.kind is ActorKind.CUSTOMER else "tenant"
    of_tenant = Bucket(bucket.restore_rate * TENANT_TIMES, bucket.maximum * TENANT_TIMES)
    own = f"{actor.tenant_id} {actor.id}", bucket
    return of_all, own, (f"{whose} {actor.tenant_id}", of_tenant)


def _full(buckets: Sequence[tuple[str, Bucket]]) -> Charge:
    bucket = min([bucket for _, bucket in buckets], key=lambda each: each.maximum)
    return Charge(True, bucket.maximum, bucket.maximum, bucket.restore_rate, 0)
