"""The tenant's name and time zone, and the rules by which its rooms are booked: changed."""

import strawberry

from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.tenants import settings
from schema.core.mutations import mutation, payload
from schema.tenants.tenants import Tenant


@payload
class UpdateTenantPayload:
    """The result of `updateTenant`."""

    tenant: Tenant | None


@payload
class UpdateTenantSettingsPayload:
    """The result of `updateTenantSettings`."""

    tenant: Tenant | None


@strawberry.type
class SettingsMutations:
    update_tenant: UpdateTenantPayload | None = mutation(
        settings.update_tenant, requires=P.TENANT_WRITE, emits=[EventType.TENANT_UPDATED]
    )
    update_tenant_settings: UpdateTenantSettingsPayload | None = mutation(
        settings.update_tenant_settings,
        requires=P.TENANT_WRITE,
        emits=[EventType.SETTINGS_CHANGED],
    )
