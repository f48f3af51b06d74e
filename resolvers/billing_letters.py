"""Letters to a venue's owners about its plan and what is paid for it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.phrases import moment
from domain.plans import PLANS
from domain.subscriptions import (
    GRACE,
    TIME_TO_CHOOSE,
    Step,
    Subscription,
    SubscriptionStatus,
    refuses_bookings_from,
)
from domain.venue_time import zone
from integrations.mail import Message
from kit.scope import Scope
from models.tenants import Tenant
from models.users import owners_of
from resolvers.mailed_tokens import send_later


@dataclass(frozen=True, slots=True)
class Letter:
    """What every owner is told."""

    subject: str
    text: str


async def write_to_owners(scope: Scope, told: Iterable[Letter]) -> None:
    """Mail letters to each owner, once the change is stored."""
    letters = list(told)
    owners = await scope.all(owners_of(scope.tenant_id)) if letters else []
    for owner in owners:
        for letter in letters:
            text = f"Hello {owner.name},\n\n{letter.text}\n"
            send_later(scope, Message(to=owner.email, subject=letter.subject, text=text))


def letters(tenant: Tenant, now: Subscription, happened: Sequence[Step]) -> Iterator[Letter]:
    """One for each step that a person has to know of."""
    plan = PLANS[now.plan].name
    for step in happened:
        match step:
            case Step.TRIAL_STARTED:
                yield Letter(
                    f"The trial of {plan} for {tenant.name}",
                    f"{tenant.name} can use everything in the {plan} plan until "
                    f"{_when(tenant, now.trial_ends_at)}, without paying anything.\n\n"
                    "To keep it after that, subscribe under billing.",
                )
            case Step.STARTED:
                yield Letter(
                    f"{tenant.name} is on the {plan} plan",
                    f"thank you: {tenant.name} is subscribed to the {plan} plan, for "
                    f"{PLANS[now.plan].monthly_price} a month. Invoices are under billing.",
                )
            case Step.PLAN_CHANGED if {Step.STARTED, Step.TRIAL_STARTED, Step.ENDED}.isdisjoint(
                happened
            ):
                plan_in_force = PLANS[now.plan_in_force].name
                yield Letter(
                    f"{tenant.name} is on the {plan_in_force} plan now",
                    f"the plan of {tenant.name} has changed to {plan_in_force}.",
                )
            case Step.NEXT_PLAN_CHANGED:
                yield _next_plan(tenant, now)
            case Step.CANCELLED:
                yield Letter(
                    f"The subscription of {tenant.name} is cancelled",
                    f"the {plan} plan of {tenant.name} ends at {_when(tenant, now.period_end)}. "
                    "Until then all stays as it is, and you can resume it under billing.",
                )
            case Step.RESUMED:
                yield Letter(
                    f"The subscription of {tenant.name} goes on",
                    f"the {plan} plan of {tenant.name} is not cancelled any more.",
                )
            case Step.PAYMENT_FAILED:
                yield _failed(tenant, now)
            case Step.RECOVERED:
                yield Letter(
                    f"Thank you, the payment for {tenant.name} has arrived",
                    f"what was owed for the {plan} plan of {tenant.name} is paid, and new "
                    "bookings are taken as before.",
                )
            case Step.ENDED:
                yield Letter(
                    f"The subscription of {tenant.name} has ended",
                    f"the {plan} plan of {tenant.name} is over, and no new bookings are taken. "
                    "Those that exist stay, and everything can be read. "
                    "To go on, subscribe under billing.",
                )
            case _:
                continue


def reminder(tenant: Tenant, now: Subscription) -> Letter:
    """That the trial, or the time to choose a plan, ends in three days."""
    if now.status is SubscriptionStatus.TRIALING:
        return Letter(
            f"The trial for {tenant.name} ends soon",
            f"the trial of the {PLANS[now.plan].name} plan for {tenant.name} ends at "
            f"{_when(tenant, now.trial_ends_at)}. To keep the plan, give a card under billing.",
        )
    return Letter(
        f"Choose a plan for {tenant.name}",
        f"{tenant.name} takes bookings until {_when(tenant, now.begun_at + TIME_TO_CHOOSE)} "
        "without a subscription. To go on after that, start a trial or subscribe under billing.",
    )


def _next_plan(tenant: Tenant, now: Subscription) -> Letter:
    if now.next_plan is None:
        return Letter(
            f"{tenant.name} stays on the {PLANS[now.plan].name} plan",
            f"the plan of {tenant.name} does not change after all.",
        )
    following = PLANS[now.next_plan].name
    return Letter(
        f"{tenant.name} changes to the {following} plan",
        f"from {_when(tenant, now.period_end)} on, {tenant.name} is on the {following} plan.",
    )


def _failed(tenant: Tenant, now: Subscription) -> Letter:
    refused_from = _when(tenant, refuses_bookings_from(now))
    return Letter(
        f"The payment for {tenant.name} failed",
        f"the payment for the {PLANS[now.plan].name} plan of {tenant.name} did not go through. "
        f"Please check the card under billing.\n\n"
        f"All goes on for {GRACE.days} days; from {refused_from} on, no new bookings are taken "
        "until it is paid. Those that exist stay.",
    )


def _when(tenant: Tenant, at: datetime | None) -> str:
    return moment(at, zone(tenant.time_zone)) if at else "the end of its period"
