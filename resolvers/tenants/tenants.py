"""Reads the caller's tenant, and the available plans."""

from sqlalchemy import Select

from domain.tenants.plans import PLANS, Plan, PlanCode
from kit.scope import Scope
from models.tenants import Tenant, tenant_of


def visible_tenants(scope: Scope) -> Select[Tenant]:
    return tenant_of(scope.tenant_id)


async def tenant(scope: Scope) -> Tenant | None:
    """The tenant that the caller belongs to."""
    return await scope.one(visible_tenants(scope))


async def own_tenant(scope: Scope) -> Tenant:
    """Returns the caller's tenant, which always exists."""
    found = await tenant(scope)
    assert found is not None, "a tenant is never removed"
    return found


async def plan_of(_: Scope, tenant: Tenant) -> Plan:
    """The tenant's plan."""
    return PLANS[PlanCode(tenant.plan_code)]


async def settings_of(_: Scope, tenant: Tenant) -> Tenant:
    """The booking rules of the venue."""
    return tenant


async def plans(_: Scope) -> list[Plan]:
    """The plans that a tenant can subscribe to, cheapest first."""
    return list(PLANS.values())
