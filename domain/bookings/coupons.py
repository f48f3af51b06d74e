"""Coupons: when a code lowers the price of a booking, and how often it may be used."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from domain.bookings.discounts import AmountOff, Discount, FreeMinutes, PercentOff
from domain.core.card_amounts import step_refusals
from domain.core.formatting import moment
from domain.core.ids import RoomId
from domain.core.money import Money
from domain.core.percents import Percent
from domain.core.refusals import Code, Invalid, Path, Refusal, Required
from domain.tenants.settings import LONGEST_MINUTES

MAX_USES: Final = 10_000
"""The highest limit of uses: they are counted from the bookings themselves."""
MAX_ROOMS: Final = 100
_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,39}", re.ASCII)


class CouponProblem(StrEnum):
    """Why a coupon can't be used for a booking."""

    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    OTHER_DATE = "OTHER_DATE"
    OTHER_ROOM = "OTHER_ROOM"
    NO_PRICE = "NO_PRICE"
    FIRST_BOOKING_ONLY = "FIRST_BOOKING_ONLY"
    USED_UP_BY_CUSTOMER = "USED_UP_BY_CUSTOMER"
    USED_UP = "USED_UP"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class DiscountChoice:
    """Exactly one of an amount, a percentage and a number of free minutes."""

    amount: Money | None = None
    percent: int | None = None
    free_minutes: int | None = None

    @property
    def discount(self) -> Discount:
        """Returns the discount that a valid choice stands for."""
        if self.amount is not None:
            return AmountOff(self.amount)
        if self.percent is not None:
            return PercentOff(Percent(self.percent * 1000))
        assert self.free_minutes is not None, "one of them is given"
        return FreeMinutes(self.free_minutes)


@dataclass(frozen=True, slots=True)
class Coupon:
    """What decides about a coupon. Each condition that is None or empty is met always.

    It is valid from ``valid_from`` until before ``valid_until``, for bookings that start on the
    local dates from ``first_date`` to ``last_date``, in the rooms.
    """

    discount: DiscountChoice
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    first_date: date | None = None
    last_date: date | None = None
    room_ids: frozenset[RoomId] = frozenset()
    first_booking_only: bool = False
    total_limit: int | None = None
    per_customer_limit: int | None = None

    @property
    def depends_on_customer(self) -> bool:
        """Whether it depends on who books."""
        return self.first_booking_only or self.per_customer_limit is not None

    @property
    def is_counted(self) -> bool:
        """Whether it depends on other bookings."""
        return self.depends_on_customer or self.total_limit is not None


@dataclass(frozen=True, slots=True)
class CouponUses:
    """What counts for a coupon, without the booking that is decided.

    ``customer_uses`` and ``customer_bookings`` are those of the booking's customer.
    """

    uses: int
    customer_uses: int
    customer_bookings: int


@dataclass(eq=False)
class CouponNotApplicable(Refusal):
    """A coupon can't be used for a booking.

    ``use_limit`` is the number of uses that is reached, if that is the problem.
    """

    code = Code.COUPON_NOT_APPLICABLE
    problem: CouponProblem
    zone: ZoneInfo
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    first_date: date | None = None
    last_date: date | None = None
    use_limit: int | None = None

    def __str__(self) -> str:
        match self.problem:
            case CouponProblem.NOT_YET_VALID:
                assert self.valid_from is not None
                return f"This coupon is valid from {moment(self.valid_from, self.zone)}."
            case CouponProblem.EXPIRED:
                assert self.valid_until is not None
                return f"This coupon was valid until {moment(self.valid_until, self.zone)}."
            case CouponProblem.OTHER_DATE:
                return f"This coupon is for bookings {_dates(self.first_date, self.last_date)}."
            case CouponProblem.OTHER_ROOM:
                return "This coupon isn't for this room; choose another room."
            case CouponProblem.NO_PRICE:
                return "This room has no price, so there is nothing to take off it."
            case CouponProblem.FIRST_BOOKING_ONLY:
                return "This coupon is only for a customer's first booking."
            case CouponProblem.USED_UP_BY_CUSTOMER:
                assert self.use_limit is not None
                times = "once" if self.use_limit == 1 else f"{self.use_limit} times"
                return f"A customer can use this coupon {times}, which is done."
            case CouponProblem.USED_UP:
                return "This coupon is used up."
            case CouponProblem.UNKNOWN:
                return "There is no such coupon."
            case never:
                assert_never(never)


def coupon_code(text: str) -> str:
    """Returns a code in the one form in which it is stored and compared: in upper case."""
    return text.strip().upper()


def coupon_refusals(
    coupon: Coupon,
    room_ids: Collection[RoomId],
    start: datetime,
    *,
    has_price: bool,
    zone: ZoneInfo,
    now: datetime,
    path: Path,
) -> Iterator[Refusal]:
    """Yields what refuses a coupon for a booking of rooms, whoever books."""

    def refused(problem: CouponProblem) -> Refusal:
        return CouponNotApplicable(
            problem,
            zone,
            valid_from=coupon.valid_from,
            valid_until=coupon.valid_until,
            first_date=coupon.first_date,
            last_date=coupon.last_date,
            path=path,
        )

    if coupon.valid_from is not None and now < coupon.valid_from:
        yield refused(CouponProblem.NOT_YET_VALID)
    if coupon.valid_until is not None and coupon.valid_until <= now:
        yield refused(CouponProblem.EXPIRED)
    day = start.astimezone(zone).date()
    is_early = coupon.first_date is not None and day < coupon.first_date
    if is_early or (coupon.last_date is not None and coupon.last_date < day):
        yield refused(CouponProblem.OTHER_DATE)
    if coupon.room_ids and not coupon.room_ids.issuperset(room_ids):
        yield refused(CouponProblem.OTHER_ROOM)
    if not has_price:
        yield refused(CouponProblem.NO_PRICE)


def use_refusals(
    coupon: Coupon, uses: CouponUses, *, zone: ZoneInfo, path: Path
) -> Iterator[Refusal]:
    """Yields what refuses one more use of a coupon, by its earlier ones."""

    def refused(problem: CouponProblem, limit: int | None = None) -> Refusal:
        return CouponNotApplicable(problem, zone, use_limit=limit, path=path)

    if coupon.first_booking_only and uses.customer_bookings:
        yield refused(CouponProblem.FIRST_BOOKING_ONLY)
    most = coupon.per_customer_limit
    if most is not None and uses.customer_uses >= most:
        yield refused(CouponProblem.USED_UP_BY_CUSTOMER, most)
    if coupon.total_limit is not None and uses.uses >= coupon.total_limit:
        yield refused(CouponProblem.USED_UP, coupon.total_limit)


def field_refusals(coupon: Coupon, *, code: str, currency_code: str) -> Iterator[Refusal]:
    """Yields the reasons to refuse a coupon's own fields."""
    if not _CODE.fullmatch(code):
        problem = "A code has 3 to 40 of the letters A to Z, digits, '-' and '_'."
        yield Invalid(problem, path=("code",))
    yield from _discount_refusals(coupon.discount, currency_code)
    if (
        coupon.valid_from is not None
        and coupon.valid_until is not None
        and coupon.valid_until <= coupon.valid_from
    ):
        yield Invalid("The end must be after the start.", path=("valid_until",))
    if (
        coupon.first_date is not None
        and coupon.last_date is not None
        and coupon.last_date < coupon.first_date
    ):
        yield Invalid("The last date can't be before the first.", path=("last_date",))
    if len(coupon.room_ids) > MAX_ROOMS:
        yield Invalid(f"At most {MAX_ROOMS} rooms.", path=("room_ids",))
    for name in ("total_limit", "per_customer_limit"):
        limit = getattr(coupon, name)
        if limit is not None and not 1 <= limit <= MAX_USES:
            yield Invalid(f"The limit must be 1 to {MAX_USES:,}.", path=(name,))


def _discount_refusals(discount: DiscountChoice, currency_code: str) -> Iterator[Refusal]:
    amount, percent, minutes = discount.amount, discount.percent, discount.free_minutes
    if amount is not None and amount.currency_code != currency_code:
        yield Invalid(f"Prices must be in {currency_code}.", path=("discount", "amount"))
    elif amount is not None and amount.amount_minor <= 0:
        yield Invalid("The amount must be more than 0.", path=("discount", "amount"))
    elif amount is not None:
        yield from step_refusals(amount, path=("discount", "amount"))
    if percent is not None and not 1 <= percent <= 100:
        yield Invalid("The percentage must be 1 to 100.", path=("discount", "percent"))
    if minutes is not None and not 1 <= minutes <= LONGEST_MINUTES:
        problem = f"The free minutes must be 1 to {LONGEST_MINUTES:,}."
        yield Invalid(problem, path=("discount", "free_minutes"))
    if amount is None and percent is None and minutes is None:
        yield Required(path=("discount",))


def _dates(first: date | None, last: date | None) -> str:
    if first is None:
        return f"until {last}"
    return f"from {first} on" if last is None else f"from {first} to {last}"
