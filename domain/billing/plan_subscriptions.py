"""What a venue has agreed with us about its plan: its states, what they allow, what may follow.

The states are Stripe's. The truth about one is the gateway's alone: it may pass through several
while nobody looks, so what happened is told from what it was before and what it is now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from domain.tenants.plans import PLANS, PlanCode

TRIAL: Final = timedelta(days=14)
GRACE: Final = timedelta(days=7)
"""How long a venue whose payment failed goes on taking bookings."""
TIME_TO_CHOOSE: Final = timedelta(days=14)
"""How long a venue takes bookings before it has subscribed to anything."""
REMINDED_BEFORE: Final = timedelta(days=3)


class SubscriptionStatus(StrEnum):
    """Where a subscription stands."""

    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    CANCELED = "canceled"
    INCOMPLETE = "incomplete"


class InvoiceStatus(StrEnum):
    """Where an invoice stands."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


S = SubscriptionStatus

LIVE: Final = frozenset({S.TRIALING, S.ACTIVE, S.PAST_DUE, S.UNPAID})
"""Those whose plan can be changed, and which can be cancelled."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription at one moment; times are instants.

    ``begun_at`` is when the venue began with us, ``overdue_since`` when the payment was due that
    failed, ``ended_at`` when all was over. ``next_plan`` follows at the end of the period.
    """

    plan: PlanCode
    status: SubscriptionStatus
    begun_at: datetime
    period_start: datetime | None = None
    period_end: datetime | None = None
    trial_ends_at: datetime | None = None
    cancels_at_period_end: bool = False
    next_plan: PlanCode | None = None
    overdue_since: datetime | None = None
    ended_at: datetime | None = None

    @property
    def plan_in_force(self) -> PlanCode:
        """Whose limits and features hold: without a subscription, those of Starter."""
        return self.plan if self.status in LIVE else PlanCode.STARTER


def refuses_bookings_from(subscription: Subscription) -> datetime | None:
    """The first instant at which no new bookings are taken; None: there is none in sight.

    Bookings that exist are looked after, and everything can be read, in every state.
    """
    match subscription.status:
        case S.TRIALING | S.ACTIVE:
            return None
        case S.PAST_DUE:
            return _since(subscription) + GRACE
        case S.UNPAID:
            return _since(subscription)
        case S.CANCELED:
            return subscription.ended_at or subscription.begun_at
        case S.INCOMPLETE:
            return subscription.begun_at + TIME_TO_CHOOSE
        case _:
            assert_never(subscription.status)


def takes_bookings(subscription: Subscription, *, now: datetime) -> bool:
    """May new bookings be made at this instant?"""
    refused_from = refuses_bookings_from(subscription)
    return refused_from is None or now < refused_from


def reminder_due(subscription: Subscription, *, now: datetime) -> bool:
    """Is it time to say that the trial, or the time to choose, is nearly over?"""
    match subscription.status:
        case S.TRIALING:
            ends_at = subscription.trial_ends_at
        case S.INCOMPLETE:
            ends_at = subscription.begun_at + TIME_TO_CHOOSE
        case _:
            ends_at = None
    return ends_at is not None and ends_at - REMINDED_BEFORE <= now < ends_at


def _since(subscription: Subscription) -> datetime:
    return subscription.overdue_since or subscription.period_start or subscription.begun_at


# ------------------------------------------------------------------------------ what may follow


class Change(StrEnum):
    """How another plan comes into force."""

    AT_ONCE = "at_once"
    AT_PERIOD_END = "at_period_end"
    KEPT = "kept"
    NOTHING = "nothing"


def change_to(subscription: Subscription, wanted: PlanCode) -> Change:
    """How a live subscription comes to the wanted plan.

    Up at once; down when what was paid for is used up, and at once where nothing was paid, in a
    trial. KEPT is the plan it has, with another one to follow that now doesn't.
    """
    if wanted == subscription.plan:
        return Change.NOTHING if subscription.next_plan is None else Change.KEPT
    if subscription.status is S.TRIALING or is_higher(wanted, than=subscription.plan):
        return Change.AT_ONCE
    return Change.NOTHING if wanted == subscription.next_plan else Change.AT_PERIOD_END


def is_higher(plan: PlanCode, *, than: PlanCode) -> bool:
    """Does the plan allow more than the other?"""
    order = list(PLANS)
    return order.index(plan) > order.index(than)


def may_start_trial(subscription: Subscription | None, *, was_used: bool) -> bool:
    """A trial is for those who have subscribed to nothing so far, once."""
    return not was_used and (subscription is None or subscription.status is S.INCOMPLETE)


def may_check_out(subscription: Subscription | None) -> bool:
    """Whether there is anything to subscribe to: who pays already changes the plan instead."""
    return subscription is None or subscription.status in {S.TRIALING, S.CANCELED, S.INCOMPLETE}


# ------------------------------------------------------------------------------ what happened


class Step(StrEnum):
    """What happened to a subscription, as the log and the letters tell it."""

    TRIAL_STARTED = "trial_started"
    STARTED = "started"
    PLAN_CHANGED = "plan_changed"
    NEXT_PLAN_CHANGED = "next_plan_changed"
    CANCELLED = "cancelled"
    RESUMED = "resumed"
    PAYMENT_FAILED = "payment_failed"
    RECOVERED = "recovered"
    ENDED = "ended"


_PAYING: Final = frozenset({S.ACTIVE})
_OWING: Final = frozenset({S.PAST_DUE, S.UNPAID})


def steps(before: Subscription | None, after: Subscription) -> tuple[Step, ...]:
    """What happened between two looks, each once, in the order of ``Step``."""
    was = before.status if before is not None else S.INCOMPLETE
    now = after.status
    found: list[Step] = []
    if now is S.TRIALING and was is not S.TRIALING:
        found.append(Step.TRIAL_STARTED)
    if now in _PAYING and was not in _PAYING | _OWING:
        found.append(Step.STARTED)
    if after.plan_in_force != (before.plan_in_force if before else PlanCode.STARTER):
        found.append(Step.PLAN_CHANGED)
    elif now in LIVE and after.next_plan != (before.next_plan if before else None):
        found.append(Step.NEXT_PLAN_CHANGED)
    ending = now in LIVE and after.cancels_at_period_end
    was_ending = before is not None and was in LIVE and before.cancels_at_period_end
    if ending and not was_ending:
        found.append(Step.CANCELLED)
    if was_ending and now in LIVE and not ending:
        found.append(Step.RESUMED)
    if now in _OWING and was not in _OWING:
        found.append(Step.PAYMENT_FAILED)
    if was in _OWING and now in _PAYING:
        found.append(Step.RECOVERED)
    if now is S.CANCELED and was is not S.CANCELED:
        found.append(Step.ENDED)
    return tuple(found)
