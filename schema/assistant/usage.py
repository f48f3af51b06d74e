"""What the assistant was used for, and what it cost."""

from datetime import date, datetime

import strawberry

import models
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.assistant import usage
from schema.analytics import spans  # noqa: F401 - declares the input
from schema.core.fields import column, computed, query, value
from schema.core.scalars import Decimal

_ANSWERS = "The number of answers, also of those that failed."
_FAILURES = "The number of answers that failed."
_CALLS = "How often something was looked up or tried."
_INPUT = "The tokens that models have read."
_OUTPUT = "The tokens that models have written."


@value(models.AssistantDay)
class AssistantDay:
    """The usage of a model on a date."""

    day: date = column("The date, in the venue's time zone.")
    model: str = column("The name of the model.")
    answers: int = column(_ANSWERS)
    failures: int = column(_FAILURES)
    calls: int = column(_CALLS)
    input_tokens: int = column(_INPUT)
    output_tokens: int = column(_OUTPUT)
    cost: Decimal = computed(usage.cost_of)


@value(usage.AssistantBudget)
class AssistantBudget:
    """The tokens that the venue's plan allows, and how many of them are used up."""

    daily_tokens: int = column("The tokens for a day. Guests and customers have half of them.")
    used_today: int = column("The tokens that were used today.")
    day_ends_at: datetime = column("When the day ends, in the venue's time zone.")
    monthly_tokens: int = column("The tokens for a calendar month.")
    used_this_month: int = column("The tokens that were used in this month.")
    month_ends_at: datetime = column("When the month ends, in the venue's time zone.")


@value(usage.AssistantUsage)
class AssistantUsage:
    """What the assistant was used for on some dates."""

    answers: int = column(_ANSWERS)
    failures: int = column(_FAILURES)
    calls: int = column(_CALLS)
    input_tokens: int = column(_INPUT)
    output_tokens: int = column(_OUTPUT)
    cost: Decimal = computed(usage.cost_of)
    days: list[AssistantDay] = column(
        "The usage by date and model, in the order of the dates; dates without any are left out."
    )
    budget: AssistantBudget = column("What is left to use now.")


@strawberry.type
class AssistantUsageQueries:
    assistant_usage: AssistantUsage | None = query(
        usage.assistant_usage, requires=P.ANALYTICS_READ, cost=Cost(5)
    )
