"""The API of customers: the people that bookings are for."""

from typing import Final

from schema.core.areas import Area
from schema.customers.customers import CustomerMutations, CustomerQueries
from schema.customers.tags import TagMutations

AREA: Final = Area(queries=(CustomerQueries,), mutations=(CustomerMutations, TagMutations))
