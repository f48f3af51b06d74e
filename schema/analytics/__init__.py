"""The API of analytics: figures of a venue's bookings."""

from typing import Final

from schema.analytics import spans as spans  # The inputs come before the fields that take them.
from schema.analytics.analytics import AnalyticsQueries
from schema.analytics.behaviour import AnalyticsFunnel, BehaviourMutations
from schema.analytics.exports import ExportMutations, ExportQueries, ExportSubscriptions
from schema.analytics.forecasts import ForecastQueries
from schema.analytics.platform import PlatformQueries
from schema.analytics.subscriptions import AnalyticsSubscriptions
from schema.core.areas import Area

AREA: Final = Area(
    queries=(AnalyticsQueries, ForecastQueries, ExportQueries, PlatformQueries),
    mutations=(ExportMutations, BehaviourMutations),
    subscriptions=(AnalyticsSubscriptions, ExportSubscriptions),
    extensions=(AnalyticsFunnel,),
)
