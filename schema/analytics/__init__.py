"""The API of analytics: figures of a venue's bookings."""

from typing import Final

from schema.analytics.forecasts import ForecastQueries
from schema.core.areas import Area

AREA: Final = Area(
    queries=(ForecastQueries,),
    mutations=(),
    subscriptions=(),
)
