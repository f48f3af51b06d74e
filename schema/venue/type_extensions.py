"""Opening hours of the types of earlier areas."""

from kit.graphql.cost import Cost
from resolvers.venue import hours
from schema.core.fields import computed, extends
from schema.tenants.tenants import Tenant
from schema.venue.opening_hours import WeeklyHours


@extends(Tenant, after="settings")
class TenantHours:
    weekly_hours: list[WeeklyHours] = computed(hours.weekly_hours_of_venue, cost=Cost(10))
