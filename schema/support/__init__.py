"""The API of support: articles, and tickets between customers and the team."""

from typing import Final

from resolvers.support.ticket_notices import WRITERS
from schema.core.areas import Area
from schema.support.articles import ArticleMutations, ArticleQueries, VenueArticles
from schema.support.guest_tickets import GuestTicketMutations, GuestTicketQueries
from schema.support.settings import SupportSettingsMutations, SupportSettingsQueries
from schema.support.tickets import (
    TicketMutations,
    TicketQueries,
    TicketSubscriptions,
    TicketTransitionError,
)

AREA: Final = Area(
    queries=(ArticleQueries, TicketQueries, GuestTicketQueries, SupportSettingsQueries),
    mutations=(ArticleMutations, TicketMutations, GuestTicketMutations, SupportSettingsMutations),
    subscriptions=(TicketSubscriptions,),
    types=(TicketTransitionError,),
    extensions=(VenueArticles,),
    handlers=WRITERS,
)
