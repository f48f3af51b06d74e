"""The rules of subscriptions: what each state allows, changes of plan, and their events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.plan_subscriptions import (
    LIVE,
    Change,
    Step,
    Subscription,
    SubscriptionStatus,
    change_to,
    may_check_out,
    may_start_trial,
    refuses_bookings_from,
    reminder_due,
    steps,
    takes_bookings,
)
from domain.tenants.plans import PlanCode

BEGUN = datetime(2027, 3, 1, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
S = SubscriptionStatus

instants = st.integers(0, 365 * 86_400).map(lambda each: BEGUN + timedelta(seconds=each))
subscriptions = st.builds(
    Subscription,
    plan=st.sampled_from(PlanCode),
    status=st.sampled_from(SubscriptionStatus),
    begun_at=instants,
    period_start=st.none() | instants,
    period_end=st.none() | instants,
    trial_ends_at=st.none() | instants,
    cancels_at_period_end=st.booleans(),
    next_plan=st.none() | st.sampled_from(PlanCode),
    overdue_since=st.none() | instants,
    ended_at=st.none() | instants,
)


def subscription(status: SubscriptionStatus, **fields: object) -> Subscription:
    return Subscription(PlanCode.PROFESSIONAL, status, begun_at=BEGUN, **fields)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------ new bookings


@pytest.mark.parametrize(
    ("seen", "refused_from"),
    [
        (subscription(S.TRIALING), None),
        (subscription(S.ACTIVE), None),
        (subscription(S.PAST_DUE, overdue_since=BEGUN), BEGUN + timedelta(days=7)),
        (subscription(S.UNPAID, overdue_since=BEGUN), BEGUN),
        (subscription(S.CANCELED, ended_at=BEGUN), BEGUN),
        (subscription(S.INCOMPLETE), BEGUN + timedelta(days=14)),
    ],
    ids=lambda each: each.status if isinstance(each, Subscription) else "",
)
def test_new_bookings_are_refused_from_an_instant_on(
    seen: Subscription, refused_from: datetime | None
) -> None:
    assert refuses_bookings_from(seen) == refused_from


def test_a_payment_that_failed_leaves_seven_days_to_the_second() -> None:
    overdue = subscription(S.PAST_DUE, overdue_since=BEGUN)
    end = BEGUN + timedelta(days=7)

    assert takes_bookings(overdue, now=end - SECOND)
    assert not takes_bookings(overdue, now=end)


def test_a_venue_that_has_not_chosen_has_fourteen_days_to_the_second() -> None:
    undecided = subscription(S.INCOMPLETE)
    end = BEGUN + timedelta(days=14)

    assert takes_bookings(undecided, now=end - SECOND)
    assert not takes_bookings(undecided, now=end)


@given(subscriptions, instants, instants)
def test_what_is_refused_stays_refused_while_nothing_is_paid(
    seen: Subscription, one: datetime, other: datetime
) -> None:
    earlier, later = sorted((one, other))

    assert takes_bookings(seen, now=earlier) or not takes_bookings(seen, now=later)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (S.TRIALING, {"trial_ends_at": BEGUN + timedelta(days=14)}),
        (S.INCOMPLETE, {}),
    ],
)
def test_a_reminder_is_due_in_the_last_three_days(
    status: SubscriptionStatus, fields: dict[str, object]
) -> None:
    seen = subscription(status, **fields)
    due = BEGUN + timedelta(days=11)

    assert not reminder_due(seen, now=due - SECOND)
    assert reminder_due(seen, now=due)
    assert reminder_due(seen, now=due + timedelta(days=3) - SECOND)
    assert not reminder_due(seen, now=due + timedelta(days=3))


# ------------------------------------------------------------------------------ changes


@pytest.mark.parametrize(
    ("status", "wanted", "next_plan", "change"),
    [
        (S.ACTIVE, PlanCode.ENTERPRISE, None, Change.AT_ONCE),
        (S.ACTIVE, PlanCode.STARTER, None, Change.AT_PERIOD_END),
        (S.ACTIVE, PlanCode.STARTER, PlanCode.STARTER, Change.NOTHING),
        (S.ACTIVE, PlanCode.PROFESSIONAL, None, Change.NOTHING),
        (S.ACTIVE, PlanCode.PROFESSIONAL, PlanCode.STARTER, Change.KEPT),
        (S.TRIALING, PlanCode.STARTER, None, Change.AT_ONCE),
        (S.PAST_DUE, PlanCode.ENTERPRISE, None, Change.AT_ONCE),
    ],
)
def test_a_plan_goes_up_at_once_and_down_at_the_end(
    status: SubscriptionStatus, wanted: PlanCode, next_plan: PlanCode | None, change: Change
) -> None:
    assert change_to(subscription(status, next_plan=next_plan), wanted) is change


def test_a_trial_comes_once_and_first() -> None:
    assert may_start_trial(None, was_used=False)
    assert may_start_trial(subscription(S.INCOMPLETE), was_used=False)
    assert not may_start_trial(subscription(S.INCOMPLETE), was_used=True)
    assert not may_start_trial(subscription(S.ACTIVE), was_used=False)
    assert not may_start_trial(subscription(S.CANCELED), was_used=False)


@pytest.mark.parametrize("status", [S.ACTIVE, S.PAST_DUE, S.UNPAID])
def test_who_pays_already_subscribes_to_nothing_more(status: SubscriptionStatus) -> None:
    assert not may_check_out(subscription(status))


# ------------------------------------------------------------------------------ what is told


def test_a_life_is_told_step_by_step() -> None:
    trial = subscription(S.TRIALING)
    paid = subscription(S.ACTIVE)
    up = replace(paid, plan=PlanCode.ENTERPRISE)
    overdue = replace(up, status=S.PAST_DUE, overdue_since=BEGUN)
    cancelled = replace(up, cancels_at_period_end=True)
    over = replace(up, status=S.CANCELED, ended_at=BEGUN)

    assert steps(None, trial) == (Step.TRIAL_STARTED, Step.PLAN_CHANGED)
    assert steps(trial, paid) == (Step.STARTED,)
    assert steps(paid, up) == (Step.PLAN_CHANGED,)
    assert steps(up, overdue) == (Step.PAYMENT_FAILED,)
    assert steps(overdue, up) == (Step.RECOVERED,)
    assert steps(up, cancelled) == (Step.CANCELLED,)
    assert steps(cancelled, up) == (Step.RESUMED,)
    assert steps(cancelled, over) == (Step.PLAN_CHANGED, Step.ENDED)
    assert steps(up, replace(up, next_plan=PlanCode.STARTER)) == (Step.NEXT_PLAN_CHANGED,)


def test_one_that_another_replaces_before_it_is_paid_has_ended() -> None:
    begun_again = subscription(S.INCOMPLETE)

    assert steps(subscription(S.PAST_DUE), begun_again) == (Step.PLAN_CHANGED, Step.ENDED)
    assert steps(subscription(S.CANCELED), begun_again) == ()
    assert steps(begun_again, subscription(S.CANCELED)) == (Step.ENDED,)


@given(subscriptions)
def test_a_second_look_tells_nothing(seen: Subscription) -> None:
    assert steps(seen, seen) == ()


@given(subscriptions, subscriptions)
def test_each_step_is_told_once_and_in_order(before: Subscription, after: Subscription) -> None:
    reported = steps(before, after)

    assert list(reported) == sorted(set(reported), key=list(Step).index)


@given(st.lists(subscriptions, min_size=2, max_size=8))
def test_a_failed_payment_is_told_before_its_recovery(seen: list[Subscription]) -> None:
    reported = [step for before, after in pairwise(seen) for step in steps(before, after)]
    owing = seen[0].status in (S.PAST_DUE, S.UNPAID)
    for step in reported:
        if step is Step.RECOVERED:
            assert owing
            owing = False
        if step is Step.PAYMENT_FAILED:
            owing = True
        if step is Step.ENDED:
            owing = False


@given(subscriptions)
def test_the_limits_of_a_higher_plan_need_one_that_lives(seen: Subscription) -> None:
    assert seen.plan_in_force is (seen.plan if seen.status in LIVE else PlanCode.STARTER)
