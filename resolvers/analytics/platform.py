"""Reads the figures of the platform: its venues, and what they pay for their plans."""

from collections import defaultdict
from datetime import date
from typing import Annotated

from typing_extensions import Doc

from domain.analytics.periods import Granularity
from domain.analytics.platform import PlanDay, PlatformMetrics, platform_metrics
from domain.analytics.spans import DateSpan
from domain.core.refusals import Invalid
from domain.tenants.plans import PlanCode
from kit.scope import Scope
from models.analytics.platform import platform_days
from resolvers.analytics.analytics import check_span


async def metrics(
    scope: Scope,
    *,
    span: Annotated[DateSpan, Doc("The dates to count, in UTC: at most 800.")],
    granularity: Annotated[
        Granularity, Doc("How long each point is: DAY, WEEK or MONTH.")
    ] = Granularity.DAY,
) -> PlatformMetrics:
    """The figures of all venues together, for the operator of the platform.

    Requires a platform key, which no user and no venue has. Changes are counted within a minute.
    """
    check_span(span)
    if granularity is Granularity.HOUR:
        raise Invalid("Choose DAY, WEEK or MONTH.", path=("granularity",))
    before: dict[PlanCode, PlanDay] = {}
    days: defaultdict[date, dict[PlanCode, PlanDay]] = defaultdict(dict)
    for day, plan_code, *sums in await scope.rows(platform_days(span)):
        plans = before if day is None else days[day]
        plans[PlanCode(plan_code)] = PlanDay(*sums)
    return platform_metrics(span, granularity, before, days)
