"""The conditions of a price rule as a venue states them, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from domain.bookings.price_rules import LocalHours, PriceRule, Range
from domain.bookings.pricing import PriceUnit
from domain.core.card_amounts import step_refusals
from domain.core.ids import RoomId
from domain.core.local_time import LocalTime
from domain.core.money import Money
from domain.core.percents import Percent
from domain.core.refusals import Invalid, Path, Refusal, Required
from domain.customers.tags import tag_name, tag_refusals
from domain.tenants.settings import LONGEST_MINUTES
from domain.venue.hours import Weekday

MAX_RULES: Final = 100
MAX_LABEL_LENGTH: Final = 100
MAX_AMOUNT_MINOR: Final = 10**11
"""So that all rules together, for the largest party, still fit a bigint."""
MAX_CATEGORY_LENGTH: Final = 100
MAX_NOTICE_MINUTES: Final = 1095 * 24 * 60
_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class PriceConditions:
    """When and to what a price rule applies; what is None or empty is no condition.

    An ``ends_at`` that isn't later than ``starts_at`` is a time of the next day.
    """

    room_ids: tuple[RoomId, ...] = ()
    categories: tuple[str, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    starts_at: LocalTime | None = None
    ends_at: LocalTime | None = None
    first_date: date | None = None
    last_date: date | None = None
    min_duration_minutes: int | None = None
    max_duration_minutes: int | None = None
    min_notice_minutes: int | None = None
    max_notice_minutes: int | None = None
    customer_tag: str | None = None

    @property
    def hours(self) -> LocalHours | None:
        """The hours of a day, which may end on the next one."""
        if self.starts_at is None or self.ends_at is None:
            return None
        start, end = self.starts_at.minutes, self.ends_at.minutes
        return LocalHours(start, end if end > start else end + _DAY_MINUTES)


def price_rule(
    label: str,
    unit: PriceUnit,
    amount: Money,
    *,
    tax_rate: Percent | None,
    conditions: PriceConditions,
) -> PriceRule:
    """Returns a rule with its conditions made ready to decide about times."""
    given = conditions
    return PriceRule(
        label,
        unit,
        amount,
        tax_rate,
        room_ids=frozenset(given.room_ids),
        categories=frozenset(given.categories),
        weekdays=frozenset(given.weekdays),
        hours=given.hours,
        first_date=given.first_date,
        last_date=given.last_date,
        duration=Range(given.min_duration_minutes, given.max_duration_minutes),
        notice=Range(given.min_notice_minutes, given.max_notice_minutes),
        customer_tag=None if given.customer_tag is None else tag_name(given.customer_tag),
    )


def charge_refusals(label: str, amount: Money, *, currency_code: str) -> Iterator[Refusal]:
    """Yields what is wrong with the label or the amount of a rule."""
    if not label:
        yield Required(path=("label",))
    if len(label) > MAX_LABEL_LENGTH:
        yield Invalid(f"At most {MAX_LABEL_LENGTH} characters.", path=("label",))
    if amount.currency_code != currency_code:
        yield Invalid(f"Prices must be in {currency_code}.", path=("amount",))
    elif amount.amount_minor > MAX_AMOUNT_MINOR:
        most = Money(MAX_AMOUNT_MINOR, currency_code)
        yield Invalid(f"At most {most}.", path=("amount",))
    else:
        yield from step_refusals(amount, path=("amount",))


def conditions_refusals(given: PriceConditions, *, path: Path) -> Iterator[Refusal]:
    """Yields what is wrong with conditions; whether their rooms exist is left aside."""
    for place, category in enumerate(given.categories):
        if not 0 < len(category) <= MAX_CATEGORY_LENGTH:
            problem = f"A category has 1 to {MAX_CATEGORY_LENGTH} characters."
            yield Invalid(problem, path=(*path, "categories", place))
    yield from _hours_refusals(given, path)
    if given.first_date and given.last_date and given.last_date < given.first_date:
        yield Invalid("The last date can't be before the first.", path=(*path, "last_date"))
    for name, least, most, limit in (
        ("duration", given.min_duration_minutes, given.max_duration_minutes, LONGEST_MINUTES),
        ("notice", given.min_notice_minutes, given.max_notice_minutes, MAX_NOTICE_MINUTES),
    ):
        for side, minutes in (("min", least), ("max", most)):
            if minutes is not None and not 0 <= minutes <= limit:
                problem = f"The {name} must be 0 to {limit:,} minutes."
                yield Invalid(problem, path=(*path, f"{side}_{name}_minutes"))
        if least is not None and most is not None and most < least:
            problem = "The maximum can't be less than the minimum."
            yield Invalid(problem, path=(*path, f"max_{name}_minutes"))
    if given.customer_tag is not None:
        tag = tag_name(given.customer_tag)
        for refusal in tag_refusals([tag], path=()):
            refusal.path = (*path, "customer_tag")
            yield refusal


def _hours_refusals(given: PriceConditions, path: Path) -> Iterator[Refusal]:
    if (given.starts_at is None) != (given.ends_at is None):
        missing = "ends_at" if given.ends_at is None else "starts_at"
        yield Required(path=(*path, missing))
    hours = given.hours
    if hours is None:
        return
    if hours.starts_at >= _DAY_MINUTES:
        yield Invalid("The hours must start before 24:00.", path=(*path, "starts_at"))
    elif given.starts_at == given.ends_at:
        problem = "The hours must end at another time; leave both out for all day."
        yield Invalid(problem, path=(*path, "ends_at"))
    elif hours.ends_at - hours.starts_at > _DAY_MINUTES:
        yield Invalid("The hours can't last more than a day.", path=(*path, "ends_at"))
