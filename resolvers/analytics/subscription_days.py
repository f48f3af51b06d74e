"""Makes what happened to a tenant's subscription by date anew, from the log."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from domain.analytics.platform import LoggedChange, subscription_days
from domain.billing.plan_subscriptions import SubscriptionStatus
from domain.tenants.plans import PlanCode
from kit.scope import Scope
from models.analytics.platform import days_emptied, days_stored, subscription_history
from resolvers.tenants.tenants import own_tenant


async def make_subscription_days(scope: Scope) -> None:
    """Stores a tenant's days anew. Its log has few entries about its subscription."""
    tenant = await own_tenant(scope)
    entries = await scope.rows(subscription_history(scope.tenant_id))
    history = [_change(at, after or {}) for at, after in entries]
    days = subscription_days(_utc_date(tenant.created_at), history)
    rows = [
        {
            "tenant_id": scope.tenant_id,
            "date": day,
            "plan_code": plan.value,
            "is_counted": False,
            **asdict(sums),
        }
        for (day, plan), sums in days.items()
    ]
    await scope.run(days_emptied(scope.tenant_id))
    await scope.run(days_stored(rows))


def _change(at: datetime, after: Mapping[str, Any]) -> LoggedChange:
    # Entries have what has changed. A plan that was chosen before only comes into force then.
    plan = after.get("plan_in_force") or after.get("plan_code")
    status = after.get("status")
    return LoggedChange(
        _utc_date(at),
        PlanCode(plan) if plan else None,
        SubscriptionStatus(status) if status else None,
    )


def _utc_date(at: datetime) -> date:
    return at.astimezone(UTC).date()
