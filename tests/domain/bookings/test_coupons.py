"""Coupons: what they are for, how often they may be used, and which aren't accepted."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.coupons import (
    Coupon,
    CouponNotApplicable,
    CouponProblem,
    CouponUses,
    DiscountChoice,
    coupon_code,
    coupon_refusals,
    field_refusals,
    use_refusals,
)
from domain.core.ids import RoomId
from domain.core.money import Money
from domain.core.refusals import Code
from kit.ids import new_id

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
START = datetime(2027, 3, 2, 23, 30, tzinfo=UTC)
"""Already 3 March in Berlin."""
ROOM, OTHER = RoomId(new_id()), RoomId(new_id())
TENTH = Coupon(DiscountChoice(percent=10))


def problems(coupon: Coupon, *, has_price: bool = True) -> list[CouponProblem]:
    found = coupon_refusals(
        coupon,
        [ROOM],
        START,
        has_price=has_price,
        zone=BERLIN,
        now=NOW,
        path=("coupon_code",),
    )
    return [each.problem for each in found if isinstance(each, CouponNotApplicable)]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, []),
        ({"valid_from": NOW}, []),
        ({"valid_from": NOW.replace(second=1)}, [CouponProblem.NOT_YET_VALID]),
        ({"valid_until": NOW.replace(second=1)}, []),
        ({"valid_until": NOW}, [CouponProblem.EXPIRED]),
        ({"first_date": date(2027, 3, 3), "last_date": date(2027, 3, 3)}, []),
        ({"first_date": date(2027, 3, 4)}, [CouponProblem.OTHER_DATE]),
        ({"last_date": date(2027, 3, 2)}, [CouponProblem.OTHER_DATE]),
        ({"room_ids": frozenset({ROOM, OTHER})}, []),
        ({"room_ids": frozenset({OTHER})}, [CouponProblem.OTHER_ROOM]),
        (
            {"valid_until": NOW, "room_ids": frozenset({OTHER})},
            [CouponProblem.EXPIRED, CouponProblem.OTHER_ROOM],
        ),
    ],
    ids=[
        "none",
        "just valid",
        "not yet",
        "still valid",
        "just over",
        "its only date",
        "too early",
        "too late",
        "one of its rooms",
        "another room",
        "two at once",
    ],
)
def test_a_coupon_is_for_its_times_dates_and_rooms(
    conditions: dict[str, object], expected: list[CouponProblem]
) -> None:
    assert problems(replace(TENTH, **conditions)) == expected  # type: ignore[arg-type]


def test_nothing_is_taken_off_what_has_no_price() -> None:
    assert problems(TENTH, has_price=False) == [CouponProblem.NO_PRICE]


@pytest.mark.parametrize(
    ("limits", "uses", "expected"),
    [
        ({}, CouponUses(9_999, 9_999, 9_999), []),
        ({"total_limit": 3}, CouponUses(2, 0, 0), []),
        ({"total_limit": 3}, CouponUses(3, 0, 0), [(CouponProblem.USED_UP, 3)]),
        ({"per_customer_limit": 1}, CouponUses(5, 0, 5), []),
        (
            {"per_customer_limit": 1},
            CouponUses(5, 1, 5),
            [(CouponProblem.USED_UP_BY_CUSTOMER, 1)],
        ),
        ({"first_booking_only": True}, CouponUses(5, 0, 0), []),
        (
            {"first_booking_only": True},
            CouponUses(5, 0, 1),
            [(CouponProblem.FIRST_BOOKING_ONLY, None)],
        ),
    ],
    ids=["none", "left", "used up", "new customer", "customer's own", "first", "second"],
)
def test_a_coupon_is_used_as_often_as_it_says(
    limits: dict[str, int], uses: CouponUses, expected: list[tuple[CouponProblem, int | None]]
) -> None:
    coupon = replace(TENTH, **limits)  # type: ignore[arg-type]

    found = use_refusals(coupon, uses, zone=BERLIN, path=("coupon_code",))

    refused = [each for each in found if isinstance(each, CouponNotApplicable)]
    assert [(each.problem, each.use_limit) for each in refused] == expected
    assert coupon.is_counted is bool(limits)


@pytest.mark.parametrize(
    ("coupon", "code", "path"),
    [
        (TENTH, "AB", ("code",)),
        (TENTH, "A" * 41, ("code",)),
        (TENTH, "TWO WORDS", ("code",)),
        (TENTH, "ÄPFEL", ("code",)),
        (Coupon(DiscountChoice(percent=0)), "TEN", ("discount", "percent")),
        (Coupon(DiscountChoice(percent=101)), "TEN", ("discount", "percent")),
        (Coupon(DiscountChoice(amount=Money(0, "EUR"))), "TEN", ("discount", "amount")),
        (Coupon(DiscountChoice(amount=Money(-5, "EUR"))), "TEN", ("discount", "amount")),
        (Coupon(DiscountChoice(amount=Money(5, "USD"))), "TEN", ("discount", "amount")),
        (Coupon(DiscountChoice(free_minutes=0)), "TEN", ("discount", "free_minutes")),
        (Coupon(DiscountChoice()), "TEN", ("discount",)),
        (replace(TENTH, valid_from=NOW, valid_until=NOW), "TEN", ("valid_until",)),
        (
            replace(TENTH, first_date=date(2027, 3, 2), last_date=date(2027, 3, 1)),
            "TEN",
            ("last_date",),
        ),
        (replace(TENTH, total_limit=0), "TEN", ("total_limit",)),
        (replace(TENTH, per_customer_limit=10_001), "TEN", ("per_customer_limit",)),
        (
            replace(TENTH, room_ids=frozenset(RoomId(new_id()) for _ in range(101))),
            "TEN",
            ("room_ids",),
        ),
    ],
    ids=[
        "short code",
        "long code",
        "words",
        "letters",
        "no percent",
        "too much",
        "nothing",
        "negative",
        "currency",
        "no minutes",
        "no discount",
        "never valid",
        "no date",
        "no uses",
        "many uses",
        "many rooms",
    ],
)
def test_a_wrong_coupon_is_refused(coupon: Coupon, code: str, path: tuple[str, ...]) -> None:
    (refused,) = field_refusals(coupon, code=code, currency_code="EUR")

    assert refused.path == path
    assert refused.code in {Code.INVALID, Code.REQUIRED}


def test_an_amount_that_no_card_can_be_charged_less_is_refused() -> None:
    coupon = Coupon(DiscountChoice(amount=Money(5, "KWD")))

    (refused,) = field_refusals(coupon, code="TEN", currency_code="KWD")

    assert refused.path == ("discount", "amount")


def test_a_code_ignores_case_and_surrounding_space() -> None:
    assert coupon_code(" summer-27 ") == "SUMMER-27"


def test_each_problem_says_what_to_do() -> None:
    coupon = replace(
        TENTH,
        valid_from=NOW.replace(hour=12),
        valid_until=NOW,
        first_date=date(2027, 4, 1),
        room_ids=frozenset({OTHER}),
    )

    told = [
        str(each)
        for each in coupon_refusals(
            coupon, [ROOM], START, has_price=False, zone=BERLIN, now=NOW, path=()
        )
    ]

    assert told == [
        "This coupon is valid from 13:00 on Monday 1 March 2027.",
        "This coupon was valid until 10:00 on Monday 1 March 2027.",
        "This coupon is for bookings from 2027-04-01 on.",
        "This coupon isn't for this room; choose another room.",
        "This room has no price, so there is nothing to take off it.",
    ]
