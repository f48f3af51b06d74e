"""Subscriptions of venues to plans: states, what each state allows, and transitions.

The states are Stripe's. The gateway is the source of truth, and a subscription may pass through
several states between two synchronisations, so events are derived from the states before and after.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from domain.tenants.plans import PLANS, PlanCode

TRIAL: Final = timedelta(days=14)
GRACE: Final = timedelta(days=7)
"""For how long a venue can take bookings after a failed payment."""
TIME_TO_CHOOSE: Final = timedelta(days=14)
"""For how long a new venue can take bookings without a subscription."""
REMINDED_BEFORE: Final = timedelta(days=3)


class SubscriptionStatus(StrEnum):
    """The status of a subscription."""

    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    CANCELED = "canceled"
    INCOMPLETE = "incomplete"


class InvoiceStatus(StrEnum):
    """The status of an invoice."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


S = SubscriptionStatus

LIVE: Final = frozenset({S.TRIALING, S.ACTIVE, S.PAST_DUE, S.UNPAID})
"""The statuses in which a subscription can be changed and cancelled."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription at one moment; times are instants.

    ``begun_at`` is when the venue signed up, ``overdue_since`` when the failed payment was due,
    ``ended_at`` when the subscription ended. ``next_plan`` starts at the end of the period.
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
        """The plan whose limits and features apply; Starter without a subscription."""
        return self.plan if self.status in LIVE else PlanCode.STARTER


def refuses_bookings_from(subscription: Subscription) -> datetime | None:
    """Returns the instant from which new bookings are refused; None if none is foreseeable.

    Existing bookings can be read and managed in every state.
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
    """Returns whether new bookings are accepted at this instant."""
    refused_from = refuses_bookings_from(subscription)
    return refused_from is None or now < refused_from


def reminder_due(subscription: Subscription, *, now: datetime) -> bool:
    """Returns whether to remind the owners that the trial or the time to choose a plan ends."""
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


# ------------------------------------------------------------------------------ transitions


class Change(StrEnum):
    """When a change to another plan takes effect."""

    AT_ONCE = "at_once"
    AT_PERIOD_END = "at_period_end"
    KEPT = "kept"
    NOTHING = "nothing"


def change_to(subscription: Subscription, wanted: PlanCode) -> Change:
    """Returns when a change of a live subscription to the wanted plan takes effect.

    An upgrade takes effect at once, a downgrade at the end of the paid period, or at once in a
    trial. KEPT is the current plan, and cancels a scheduled change.
    """
    if wanted == subscription.plan:
        return Change.NOTHING if subscription.next_plan is None else Change.KEPT
    if subscription.status is S.TRIALING or is_higher(wanted, than=subscription.plan):
        return Change.AT_ONCE
    return Change.NOTHING if wanted == subscription.next_plan else Change.AT_PERIOD_END


def is_higher(plan: PlanCode, *, than: PlanCode) -> bool:
    """Returns whether the plan allows more than the other."""
    order = list(PLANS)
    return order.index(plan) > order.index(than)


def may_start_trial(subscription: Subscription | None, *, was_used: bool) -> bool:
    """Returns whether a trial can start: once, and only before the first subscription."""
    return not was_used and (subscription is None or subscription.status is S.INCOMPLETE)


def may_check_out(subscription: Subscription | None) -> bool:
    """Returns whether a checkout can start; paying subscribers change the plan instead."""
    return subscription is None or subscription.status in {S.TRIALING, S.CANCELED, S.INCOMPLETE}


# ------------------------------------------------------------------------------ steps


class Step(StrEnum):
    """An event of a subscription, as logged and mailed."""

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
    """Returns what happened between two states, each step once, in the order of ``Step``."""
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
    # It has also ended if the newest one at the gateway is another, which isn't paid for yet.
    if now not in LIVE and (was in LIVE or (was, now) == (S.INCOMPLETE, S.CANCELED)):
        found.append(Step.ENDED)
    return tuple(found)
