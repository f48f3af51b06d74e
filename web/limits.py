"""How much each caller may ask for: a bucket for every login, or for the address of a stranger."""

from datetime import datetime
from typing import Final

from domain.plans import PlanCode
from kit.scope import Actor
from kit.throttle import Bucket, Charge, Throttle

BUCKETS: Final = {
    PlanCode.STARTER: Bucket(restore_rate=100, maximum=4_000),
    PlanCode.PROFESSIONAL: Bucket(restore_rate=400, maximum=10_000),
    PlanCode.ENTERPRISE: Bucket(restore_rate=1_000, maximum=20_000),
}


class Allowance:
    """Charges callers for their operations, in this process."""

    def __init__(self, *, is_enforced: bool = True) -> None:
        self._throttle = Throttle()
        self._is_enforced = is_enforced

    def charge(self, actor: Actor, address: str | None, cost: int, *, now: datetime) -> Charge:
        """Take the points, at least one: whatever is sent has to be read."""
        bucket = BUCKETS[PlanCode(actor.plan) if actor.plan else PlanCode.STARTER]
        if not self._is_enforced:
            return Charge(True, bucket.maximum, bucket.maximum, bucket.restore_rate, 0)
        return self._throttle.charge(_key(actor, address), max(cost, 1), bucket, now=now)


def _key(actor: Actor, address: str | None) -> str:
    if actor.tenant_id is None:
        return f"address {address}"
    return f"{actor.tenant_id} {actor.session_id or actor.id}"
