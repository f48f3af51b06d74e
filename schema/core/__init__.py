"""What all areas declare their types with."""

from typing import Final

from schema.core.areas import Area
from schema.core.nodes import NodeQueries
from schema.core.rate_limit import LimitQueries
from schema.core.user_errors import GenericUserError, LimitError, StaleVersionError

AREA: Final = Area(
    queries=(NodeQueries, LimitQueries),
    types=(GenericUserError, LimitError, StaleVersionError),
)
