"""Token buckets are refilled with time, up to their size."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kit.security.token_bucket import Bucket, Charge, TokenBuckets

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
STARTER = Bucket(restore_rate=100, maximum=4_000)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_new_caller_has_a_full_bucket() -> None:
    charge = TokenBuckets().charge([("a", STARTER)], 30, now=NOON)

    assert charge == Charge(
        allowed=True,
        currently_available=3_970,
        maximum=4_000,
        restore_rate=100,
        retry_after_seconds=0,
    )


def test_an_empty_bucket_refuses_and_says_when_to_come_back() -> None:
    throttle = TokenBuckets()
    throttle.charge([("a", STARTER)], 3_950, now=NOON)

    charge = throttle.charge([("a", STARTER)], 251, now=NOON)

    assert charge == Charge(
        allowed=False,
        currently_available=50,
        maximum=4_000,
        restore_rate=100,
        retry_after_seconds=3,
    )


def test_a_refused_charge_takes_nothing() -> None:
    throttle = TokenBuckets()
    throttle.charge([("a", STARTER)], 3_950, now=NOON)
    throttle.charge([("a", STARTER)], 51, now=NOON)

    assert throttle.charge([("a", STARTER)], 50, now=NOON).allowed


def test_what_is_taken_beyond_what_is_left_is_a_debt_that_is_paid_off_first() -> None:
    throttle = TokenBuckets()
    throttle.charge([("a", STARTER)], 3_950, now=NOON)

    taken = throttle.take([("a", STARTER)], 350, now=NOON)
    refused = throttle.charge([("a", STARTER)], 100, now=NOON)

    assert taken.currently_available == 0
    assert (refused.allowed, refused.currently_available) == (False, 0)
    assert refused.retry_after_seconds == 4
    assert not throttle.charge([("a", STARTER)], 100, now=after(3.9)).allowed
    assert throttle.charge([("a", STARTER)], 100, now=after(4)).allowed


def test_points_come_back_with_time_up_to_the_maximum() -> None:
    throttle = TokenBuckets()
    throttle.charge([("a", STARTER)], 4_000, now=NOON)

    assert throttle.charge([("a", STARTER)], 0, now=after(1.5)).currently_available == 150
    assert throttle.charge([("a", STARTER)], 0, now=after(3600)).currently_available == 4_000


def test_callers_do_not_take_from_each_other() -> None:
    throttle = TokenBuckets()
    throttle.charge([("a", STARTER)], 4_000, now=NOON)

    assert throttle.charge([("b", STARTER)], 4_000, now=NOON).allowed


def test_the_emptiest_of_several_buckets_decides_and_is_told_of() -> None:
    throttle = TokenBuckets()
    large = Bucket(restore_rate=10, maximum=5_000)
    throttle.charge([("tenant", large)], 4_000, now=NOON)

    allowed = throttle.charge([("a", STARTER), ("tenant", large)], 900, now=NOON)
    refused = throttle.charge([("a", STARTER), ("tenant", large)], 200, now=NOON)

    assert allowed == Charge(True, 100, 5_000, 10, 0)
    assert refused == Charge(False, 100, 5_000, 10, 10)


def test_what_one_bucket_lacks_is_taken_from_none() -> None:
    throttle = TokenBuckets()
    throttle.charge([("tenant", STARTER)], 4_000, now=NOON)
    throttle.charge([("a", STARTER), ("tenant", STARTER)], 10, now=NOON)

    assert throttle.look([("a", STARTER)], 4_000, now=NOON).allowed


def test_to_look_takes_nothing() -> None:
    throttle = TokenBuckets()
    throttle.look([("a", STARTER)], 4_000, now=NOON)

    assert throttle.look([("a", STARTER)], 4_000, now=NOON).currently_available == 0
    assert throttle.charge([("a", STARTER)], 4_000, now=NOON).allowed


def test_a_cost_above_the_maximum_needs_a_full_bucket_and_leaves_a_debt() -> None:
    throttle = TokenBuckets()
    small = Bucket(restore_rate=10, maximum=100)

    assert throttle.charge([("a", small)], 300, now=NOON).allowed
    refused = throttle.charge([("a", small)], 300, now=after(1))

    assert not refused.allowed
    assert refused.currently_available == 0
    assert refused.retry_after_seconds == 29
    assert throttle.charge([("a", small)], 300, now=after(30)).allowed


def test_a_better_plan_holds_from_the_next_charge() -> None:
    throttle = TokenBuckets()
    throttle.charge([("a", STARTER)], 4_000, now=NOON)

    charge = throttle.charge([("a", Bucket(restore_rate=400, maximum=10_000))], 0, now=after(1))

    assert charge.currently_available == 400
    assert charge.maximum == 10_000


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    throttle = TokenBuckets()
    throttle.charge([("a", STARTER)], 1_000, now=NOON)

    assert throttle.charge([("a", STARTER)], 0, now=after(-60)).currently_available == 3_000


def test_full_buckets_are_forgotten() -> None:
    throttle = TokenBuckets()
    throttle.charge([("a", STARTER)], 100, now=NOON)
    throttle.charge([("b", STARTER)], 100, now=NOON)

    throttle.charge([("c", STARTER)], 100, now=after(1))

    assert len(throttle) == 1


def test_callers_beyond_the_capacity_push_out_the_one_unused_longest() -> None:
    throttle = TokenBuckets(capacity=2)
    throttle.charge([("a", STARTER)], 4_000, now=NOON)
    throttle.charge([("b", STARTER)], 4_000, now=NOON)
    throttle.charge([("a", STARTER)], 0, now=NOON)

    throttle.charge([("c", STARTER)], 4_000, now=NOON)

    assert len(throttle) == 2
    assert not throttle.charge([("a", STARTER)], 1, now=NOON).allowed
    assert throttle.charge([("b", STARTER)], 1, now=NOON).allowed


@given(
    taken=st.integers(0, 4_000),
    cost=st.integers(1, 4_000),
    rate=st.integers(1, 1_000),
    elapsed=st.timedeltas(timedelta(), timedelta(seconds=10)),
)
def test_a_caller_who_waits_as_told_is_let_in_and_not_a_second_early(
    taken: int, cost: int, rate: int, elapsed: timedelta
) -> None:
    throttle = TokenBuckets()
    bucket = Bucket(restore_rate=rate, maximum=4_000)
    throttle.charge([("a", bucket)], taken, now=NOON)

    charged = throttle.charge([("a", bucket)], cost, now=NOON + elapsed)
    wait = timedelta(seconds=charged.retry_after_seconds)
    early = NOON + elapsed + wait - timedelta(seconds=1)

    assert charged.allowed or not throttle.charge([("a", bucket)], cost, now=early).allowed
    assert (
        charged.allowed or throttle.charge([("a", bucket)], cost, now=NOON + elapsed + wait).allowed
    )
