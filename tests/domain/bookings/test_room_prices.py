"""What a slot is shown to cost is what a booking is charged, and what its lines sum to."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.discounts import AmountOff, Discount, FreeMinutes, PercentOff, discounted
from domain.bookings.price_rules import LocalHours, PriceRule, Range
from domain.bookings.pricing import Price, PriceLine, PriceUnit, TaxAmount, price_of
from domain.bookings.room_prices import PricePlan, VenuePrices
from domain.bookings.slot_facts import SlotRequest, VenueRules
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.percents import Percent
from domain.tenants.price_settings import PriceSettings, Rounding
from domain.venue.hours import Weekday

BLUE = RoomId(UUID("01940000-0000-7000-8000-000000000001"))
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
RATE = Money(2900, "USD")
EVENING = Interval.of_minutes(datetime(2027, 3, 5, 19, tzinfo=UTC), 240)
PEAK = PriceRule("Peak", PriceUnit.HOUR, Money(4000, "USD"), hours=LocalHours(21 * 60, 24 * 60))
CARTS = 10_000


def usd(amount_minor: int) -> Money:
    return Money(amount_minor, "USD")


def wish(
    minutes: int = 240,
    *,
    party_size: int = 1,
    zone: str = "UTC",
    tags: frozenset[str] = frozenset(),
) -> SlotRequest:
    rules = VenueRules(
        ZoneInfo(zone),
        slot_minutes=15,
        min_notice_minutes=0,
        max_advance_days=90,
        min_duration_minutes=1,
        max_duration_minutes=1440,
    )
    return SlotRequest(minutes, party_size, rules, override=False, now=NOW, customer_tags=tags)


def priced(
    *rules: PriceRule, settings: PriceSettings | None = None, party_size: int = 1
) -> Price | None:
    plan = PricePlan(rules, settings or PriceSettings())
    return plan.price(RATE, EVENING, wish(party_size=party_size), label="Blue Room")


def amounts(price: Price | None) -> list[tuple[str, int]]:
    assert price is not None
    return [(line.label, line.amount.amount_minor) for line in price.lines]


def test_each_stretch_of_a_rule_is_a_line() -> None:
    price = priced(PEAK)

    first, second = (Interval.of_minutes(EVENING.start + timedelta(hours=h), 120) for h in (0, 2))
    assert price is not None
    assert price.lines == (
        PriceLine("Blue Room", usd(5800), interval=first, minutes=120),
        PriceLine("Peak", usd(8000), interval=second, minutes=120),
    )
    assert price.total == usd(13800)


def test_a_price_of_a_booking_is_charged_once() -> None:
    cleaning = PriceRule("Flat", PriceUnit.BOOKING, usd(5000))

    assert amounts(priced(PEAK, cleaning)) == [("Flat", 5000), ("Peak", 8000)]
    early = PriceRule("Middle", PriceUnit.HOUR, usd(1200), hours=LocalHours(20 * 60, 21 * 60))
    assert amounts(priced(early, cleaning)) == [("Flat", 5000), ("Middle", 1200), ("Flat", 0)]


def test_a_price_of_a_person_is_charged_for_the_whole_party() -> None:
    tasting = PriceRule("Tasting", PriceUnit.PERSON, usd(1500))

    price = priced(tasting, party_size=4)

    assert amounts(price) == [("Tasting", 6000)]
    assert price is not None
    assert price.for_party(6) == priced(tasting, party_size=6)


def test_what_costs_nothing_by_any_rule_has_no_price() -> None:
    free = PricePlan((PEAK,), PriceSettings())

    day = Interval.of_minutes(datetime(2027, 3, 5, 9, tzinfo=UTC), 60)

    assert free.price(None, day, wish(60), label="Blue Room") is None
    assert amounts(free.price(None, EVENING, wish(), label="Blue Room")) == [("Peak", 8000)]


def test_a_minimum_charge_is_a_line_of_its_own() -> None:
    settings = PriceSettings(minimum=usd(20000))

    assert amounts(priced(PEAK, settings=settings)) == [
        ("Blue Room", 5800),
        ("Peak", 8000),
        ("Minimum charge", 6200),
    ]


def test_what_is_free_has_no_minimum_charge() -> None:
    settings = PriceSettings(minimum=usd(20000))
    free = PriceRule("Members", PriceUnit.HOUR, usd(0))

    assert amounts(priced(free, settings=settings)) == [("Members", 0)]


@pytest.mark.parametrize(
    ("rounding", "minutes", "amount"),
    [
        pytest.param(Rounding.NEAREST, 47, 1730, id="nearest below"),
        pytest.param(Rounding.NEAREST, 48, 1770, id="nearest above"),
        pytest.param(Rounding.UP, 47, 1735, id="up"),
        pytest.param(Rounding.DOWN, 48, 1765, id="down"),
    ],
)
def test_lines_are_rounded_to_the_venues_step(
    rounding: Rounding, minutes: int, amount: int
) -> None:
    plan = PricePlan((), PriceSettings(rounding, Money(5, "CHF")))
    time = Interval.of_minutes(EVENING.start, minutes)

    price = plan.price(Money(2211, "CHF"), time, wish(minutes), label="Room")

    assert amounts(price) == [("Room", amount)]


def test_taxes_are_shown_by_rate() -> None:
    reduced = PriceRule(
        "Culture", PriceUnit.HOUR, usd(1000), Percent(7000), hours=LocalHours(21 * 60, 24 * 60)
    )
    settings = PriceSettings(tax_rate=Percent(19000), taxes_included=False)

    price = priced(reduced, settings=settings)

    assert price is not None
    assert price.taxes == (
        TaxAmount(Percent(19000), net=usd(5800), amount=usd(1102)),
        TaxAmount(Percent(7000), net=usd(2000), amount=usd(140)),
    )
    assert (price.subtotal, price.tax, price.total) == (usd(7800), usd(1242), usd(9042))


def test_included_taxes_are_part_of_the_total() -> None:
    settings = PriceSettings(tax_rate=Percent(19000), taxes_included=True)

    price = priced(settings=settings)

    assert price is not None
    assert price.taxes == (TaxAmount(Percent(19000), net=usd(9748), amount=usd(1852)),)
    assert (price.tax, price.total) == (usd(0), usd(11600))


@pytest.mark.parametrize(
    ("discount", "amount"),
    [
        pytest.param(AmountOff(usd(1000)), 1000, id="an amount"),
        pytest.param(AmountOff(usd(99900)), 13800, id="an amount above the price"),
        pytest.param(PercentOff(Percent(12500)), 1725, id="a percentage"),
        pytest.param(FreeMinutes(60), 2900, id="an hour"),
        pytest.param(FreeMinutes(180), 5800 + 4000, id="hours of two lines"),
        pytest.param(FreeMinutes(999), 13800, id="more minutes than there are"),
    ],
)
def test_a_discount_lowers_the_total(discount: Discount, amount: int) -> None:
    price = priced(PEAK)

    assert price is not None
    less = discounted(price, discount)
    assert (less.discount, less.total) == (usd(amount), usd(13800 - amount))
    assert (less.lines, less.subtotal) == (price.lines, price.subtotal)


def test_a_discount_lowers_the_taxed_amounts() -> None:
    settings = PriceSettings(tax_rate=Percent(10000), taxes_included=False)
    price = priced(PEAK, settings=settings)

    assert price is not None
    less = discounted(price, PercentOff(Percent(50000)))
    assert less.taxes == (TaxAmount(Percent(10000), net=usd(6900), amount=usd(690)),)


def test_a_venue_without_rules_and_taxes_has_no_plan() -> None:
    elsewhere = RoomId(UUID("01940000-0000-7000-8000-000000000002"))
    only_there = PriceRule("Peak", PriceUnit.HOUR, RATE, room_ids=frozenset({elsewhere}))

    assert VenuePrices((), PriceSettings()).of_room(BLUE, None) is None
    assert VenuePrices((only_there,), PriceSettings()).of_room(BLUE, None) is None
    assert VenuePrices((only_there,), PriceSettings()).of_room(elsewhere, None) is not None


@pytest.mark.parametrize("currency_code", ["JPY", "KWD", "USD"])
def test_a_first_rule_changes_no_other_price(currency_code: str) -> None:
    random = Random(currency_code)
    plan = PricePlan((), PriceSettings())
    for _ in range(500):
        rate = Money(random.randrange(0, 10**6) * 10, currency_code)
        time = Interval.of_minutes(EVENING.start, random.randrange(1, 1500))

        assert plan.price(rate, time, wish(), label="Blue") == price_of(rate, time, label="Blue")


def test_the_lines_of_random_carts_sum_to_their_totals() -> None:
    random = Random(1)
    for number in range(CARTS):
        code = ("JPY", "KWD", "USD")[number % 3]
        step = 10 if code == "KWD" else 1
        lines = [
            PriceLine(
                "Line",
                Money(random.randrange(0, 10**6) * step, code),
                EVENING,
                random.randrange(1, 600),
                tax_rate=random.choice([None, Percent(0), Percent(7000), Percent(8875)]),
            )
            for _ in range(random.randrange(1, 5))
        ]
        included = random.random() < 0.5
        minimum = random.choice([None, Money(random.randrange(1, 10**6) * step, code)])
        price = Price.of(lines, taxes_included=included, minimum=minimum)
        discounts: tuple[Discount, ...] = (
            AmountOff(Money(random.randrange(0, 10**6), code)),
            PercentOff(Percent(random.randrange(0, 100_001))),
            FreeMinutes(random.randrange(1, 900)),
        )

        for each in (price, discounted(price, random.choice(discounts))):
            _is_exact(each, step)


def _is_exact(price: Price, step: int) -> None:
    def total(amounts: list[Money]) -> int:
        return sum(each.amount_minor for each in amounts)

    assert total([line.amount for line in price.lines]) == price.subtotal.amount_minor
    assert 0 <= price.discount.amount_minor <= price.subtotal.amount_minor
    left = price.subtotal.amount_minor - price.discount.amount_minor
    assert price.total.amount_minor == left + price.tax.amount_minor
    assert price.total.amount_minor % step == 0
    least = price.minimum.amount_minor if price.minimum else 0
    assert not 0 < price.subtotal.amount_minor < least
    if all(line.tax_rate is not None for line in price.lines):
        taxed = total([each.net for each in price.taxes])
        shown = total([each.amount for each in price.taxes])
        assert taxed + (shown if price.taxes_included else 0) == left


def _random_rule(random: Random) -> PriceRule:
    starts_at = random.randrange(0, 1440)
    some = [*Weekday][: random.randrange(0, 7)]
    return PriceRule(
        random.choice("ABC"),
        random.choice([PriceUnit.HOUR, PriceUnit.BOOKING, PriceUnit.PERSON]),
        usd(random.randrange(0, 9000)),
        weekdays=frozenset(some),
        hours=random.choice([None, LocalHours(starts_at, starts_at + random.randrange(1, 1441))]),
        notice=Range(random.choice([None, 1440]), random.choice([None, 3000])),
        duration=Range(None, random.choice([None, 90])),
        customer_tag=random.choice([None, None, "member"]),
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_slot_is_shown_at_the_price_that_is_charged(seed: int) -> None:
    random = Random(seed)
    plan = PricePlan(tuple(_random_rule(random) for _ in range(5)), PriceSettings())
    zone = random.choice(["America/New_York", "Pacific/Chatham", "Asia/Kathmandu"])
    asked = wish(
        random.choice([45, 90, 240]),
        party_size=3,
        zone=zone,
        tags=random.choice([frozenset(), frozenset({"member"})]),
    )
    since = NOW + timedelta(days=random.randrange(0, 40))
    grid = asked.rules.grid(Interval(since, since + timedelta(days=4)))

    totals = plan.totals(RATE, grid, asked).at

    charged = [plan.price(RATE, asked.interval(each), asked, label="Blue") for each in grid.starts]
    assert [*totals] == [each.total if each else None for each in charged]
