"""The API of imports: files of customers, rooms or bookings to add."""

from typing import Final

from schema.core.areas import Area
from schema.imports.imports import ImportMutations, ImportQueries, ImportSubscriptions

AREA: Final = Area(
    queries=(ImportQueries,),
    mutations=(ImportMutations,),
    subscriptions=(ImportSubscriptions,),
)
