"""All tools of the assistant."""

from collections.abc import Mapping
from typing import Final

from resolvers.assistant.tool_articles import ARTICLE_TOOLS
from resolvers.assistant.tool_availability import AVAILABILITY_TOOLS
from resolvers.assistant.tool_bookings import BOOKING_TOOLS
from resolvers.assistant.tool_proposals import PROPOSAL_TOOLS
from resolvers.assistant.tool_suggestions import SUGGESTION_TOOLS
from resolvers.assistant.tool_venue import VENUE_TOOLS
from resolvers.assistant.tools import ToolSpec

TOOLS: Final[Mapping[str, ToolSpec]] = {
    each.name: each
    for each in (
        *AVAILABILITY_TOOLS,
        *SUGGESTION_TOOLS,
        *BOOKING_TOOLS,
        *VENUE_TOOLS,
        *ARTICLE_TOOLS,
        *PROPOSAL_TOOLS,
    )
}
"""The tools by name."""
