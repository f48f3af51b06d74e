"""How much each caller may ask for: a bucket for every login, or for the address of a stranger."""

from datetime import datetime
from typing import Final, NamedTuple

from domain.plans import PlanCode
from kit.recent import Recent
from kit.scope import Actor
from kit.throttle import Bucket, Charge, Throttle

BUCKETS: Final = {
    PlanCode.STARTER: Bucket(restore_rate=100, maximum=4_000),
    PlanCode.PROFESSIONAL: Bucket(restore_rate=400, maximum=10_000),
    PlanCode.ENTERPRISE: Bucket(restore_rate=1_000, maximum=20_000),
}


KNOWN: Final = 10_000


class Allowance:
    """Charges callers for their operations, in this process."""

    def __init__(self, *, is_enforced: bool = True) -> None:
        self._throttle = Throttle()
        self._is_enforced = is_enforced
        self._logins: Recent[_Login] = Recent(KNOWN)

    def charge(self, actor: Actor, address: str | None, cost: int, *, now: datetime) -> Charge:
        """Take the points, at least one: whatever is sent has to be read."""
        key, bucket, _ = (
            self._login(actor)
            if actor.tenant_id is not None
            else (f"address {address}", BUCKETS[PlanCode.STARTER], None)
        )
        if not self._is_enforced:
            return Charge(True, bucket.maximum, bucket.maximum, bucket.restore_rate, 0)
        return self._throttle.charge(key, max(cost, 1), bucket, now=now)

    def _login(self, actor: Actor) -> "_Login":
        # By identity: to compare ten fields costs more than all the rest.
        login = self._logins.get(id(actor))
        if login is None:
            key = f"{actor.tenant_id} {actor.session_id or actor.id}"
            bucket = BUCKETS[PlanCode(actor.plan) if actor.plan else PlanCode.STARTER]
            login = _Login(key, bucket, actor)
            self._logins.put(id(actor), login)
        return login


class _Login(NamedTuple):
    """The bucket of a login; the actor is kept so that no other one gets its identity."""

    key: str
    bucket: Bucket
    actor: Actor
