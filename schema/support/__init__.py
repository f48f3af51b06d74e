"""The API of support: tickets between customers and the team."""

from typing import Final

from resolvers.support.ticket_notices import WRITERS
from schema.core.areas import Area
from schema.support.guest_tickets import GuestTicketMutations, GuestTicketQueries
from schema.support.settings import SupportSettingsMutations, SupportSettingsQueries
from schema.support.tickets import (
    TicketMutations,
    TicketQueries,
    TicketSubscriptions,
    TicketTransitionError,
)

AREA: Final = Area(
    queries=(TicketQueries, GuestTicketQueries, SupportSettingsQueries),
    mutations=(TicketMutations, GuestTicketMutations, SupportSettingsMutations),
    subscriptions=(TicketSubscriptions,),
    types=(TicketTransitionError,),
    handlers=WRITERS,
)
