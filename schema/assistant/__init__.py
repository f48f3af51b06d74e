"""The API of the assistant: suggested times."""

from typing import Final

from schema.assistant.suggestions import SuggestionQueries, VenueSuggestions
from schema.core.areas import Area

AREA: Final = Area(queries=(SuggestionQueries,), extensions=(VenueSuggestions,))
