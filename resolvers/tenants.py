"""The tenant that the caller belongs to."""

from sqlalchemy import Select

from kit.scope import Scope
from models.tenants import Tenant, tenant_of


def visible_tenants(scope: Scope) -> Select[Tenant]:
    return tenant_of(scope.tenant_id)


async def tenant(scope: Scope) -> Tenant | None:
    """The business that the caller belongs to."""
    return await scope.one(visible_tenants(scope))


async def own_tenant(scope: Scope) -> Tenant:
    """The caller's tenant, which is always there."""
    found = await tenant(scope)
    assert found is not None, "a tenant is never removed"
    return found
