"""The API of tenants: businesses and their plans."""

from typing import Final

from schema.core.areas import Area
from schema.tenants.settings import SettingsMutations
from schema.tenants.tenants import FeatureNotIncludedError, PlanLimitError, TenantQueries

AREA: Final = Area(
    queries=(TenantQueries,),
    mutations=(SettingsMutations,),
    types=(PlanLimitError, FeatureNotIncludedError),
)
