"""The API of the assistant: conversations, proposals, suggested times, requests, and usage."""

from typing import Final

from schema.assistant.booking_requests import BookingRequestQueries, VenueBookingRequests
from schema.assistant.conversations import ConversationMutations, ConversationQueries
from schema.assistant.proposals import ProposalMutations
from schema.assistant.refusals import AssistantBudgetError, ProposalClosedError
from schema.assistant.subscriptions import ConversationSubscriptions
from schema.assistant.suggestions import SuggestionQueries, VenueSuggestions
from schema.assistant.type_extensions import TicketConversation
from schema.assistant.usage import AssistantUsageQueries
from schema.core.areas import Area

AREA: Final = Area(
    queries=(ConversationQueries, SuggestionQueries, BookingRequestQueries, AssistantUsageQueries),
    mutations=(ConversationMutations, ProposalMutations),
    subscriptions=(ConversationSubscriptions,),
    types=(AssistantBudgetError, ProposalClosedError),
    extensions=(VenueSuggestions, VenueBookingRequests, TicketConversation),
)
