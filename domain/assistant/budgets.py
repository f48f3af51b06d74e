"""What the assistant may use: tokens by day and month of the venue, and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from domain.assistant.refusals import AssistantBudgetReached

PUBLIC_PART: Final = 2
"""Guests and customers can use up to one half of a day's tokens, so that the team has some left."""


@dataclass(frozen=True, slots=True)
class Used:
    """The tokens that were used: today, of these by guests and customers, and in this month."""

    today: int
    today_by_public: int
    this_month: int


@dataclass(frozen=True, slots=True)
class Budget:
    """The tokens that a venue may use in a day and in a month."""

    daily: int
    monthly: int

    @classmethod
    def of(cls, plan: str, daily: Mapping[str, int], monthly: Mapping[str, int]) -> "Budget":
        """Returns the budget of a plan; a plan that isn't listed has none."""
        return cls(daily.get(plan, 0), monthly.get(plan, 0))

    def check(self, used: Used, *, is_public: bool, now: datetime, zone: ZoneInfo) -> None:
        """Raises AssistantBudgetReached if nothing is left."""
        today = now.astimezone(zone).date()
        if used.this_month >= self.monthly:
            raise AssistantBudgetReached(month_end(today, zone), used.this_month, self.monthly)
        if used.today >= self.daily:
            raise AssistantBudgetReached(day_end(today, zone), used.today, self.daily)
        of_public = self.daily // PUBLIC_PART
        if is_public and used.today_by_public >= of_public:
            raise AssistantBudgetReached(day_end(today, zone), used.today_by_public, of_public)


def day_end(day: date, zone: ZoneInfo) -> datetime:
    """Returns the midnight after a day, as the venue's clock has it."""
    return datetime.combine(day + timedelta(days=1), time(), zone)


def month_end(day: date, zone: ZoneInfo) -> datetime:
    """Returns the midnight after the last day of a day's month."""
    return datetime.combine(month_start(month_start(day) + timedelta(days=31)), time(), zone)


def month_start(day: date) -> date:
    """Returns the first day of a day's month."""
    return day.replace(day=1)


def cost_micros(
    input_tokens: int, output_tokens: int, *, input_price: Decimal, output_price: Decimal
) -> int:
    """Returns what tokens cost in millionths of a dollar; prices are dollars for a million."""
    cost = input_tokens * input_price + output_tokens * output_price
    return int(cost.to_integral_value(ROUND_HALF_UP))
