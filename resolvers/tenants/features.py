"""Requires features of the tenant's plan."""

from domain.tenants.plans import Feature, PlanCode, includes
from domain.tenants.refusals import FeatureNotIncluded
from kit.errors import Forbidden
from kit.scope import Scope
from models.tenants import Tenant
from resolvers.tenants.tenants import own_tenant


async def require_feature(scope: Scope, feature: Feature) -> Tenant:
    """Returns the caller's tenant. Raises FeatureNotIncluded, the refusal of a mutation."""
    tenant = await own_tenant(scope)
    if not includes(PlanCode(tenant.plan_code), feature):
        raise FeatureNotIncluded(feature)
    return tenant


async def check_feature(scope: Scope, feature: Feature) -> Tenant:
    """Returns the caller's tenant. Raises Forbidden, the error of a query or subscription."""
    try:
        return await require_feature(scope, feature)
    except FeatureNotIncluded as refusal:
        raise Forbidden(refusal.message) from refusal


def check_included(tenant: Tenant, feature: Feature) -> None:
    """Raises Forbidden unless the tenant's plan includes the feature."""
    if not includes(PlanCode(tenant.plan_code), feature):
        raise Forbidden(FeatureNotIncluded(feature).message)
