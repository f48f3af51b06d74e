"""The API of venue: rooms and opening hours."""

from typing import Final

from resolvers.venue.first_hours import TENANT_HANDLERS
from schema.core.areas import Area
from schema.venue.blackouts import BlackoutMutations, BlackoutQueries
from schema.venue.hours import HoursMutations, HoursQueries
from schema.venue.rooms import RoomMutations, RoomQueries
from schema.venue.type_extensions import TenantHours

AREA: Final = Area(
    queries=(RoomQueries, HoursQueries, BlackoutQueries),
    mutations=(RoomMutations, HoursMutations, BlackoutMutations),
    extensions=(TenantHours,),
    handlers=TENANT_HANDLERS,
)
