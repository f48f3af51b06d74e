"""The seam between accounts and the areas after them: what handlers are given."""

from dataclasses import dataclass
from typing import Final, Literal

from models.tenants import Tenant

TENANT_REGISTERED: Final = "TENANT_REGISTERED"


@dataclass(frozen=True, slots=True)
class TenantRegistered:
    """A tenant that is stored, and whose owner is about to be; nobody else knows it yet."""

    tenant: Tenant
    type: Literal["TENANT_REGISTERED"] = TENANT_REGISTERED
