"""The texts of mails to a venue's owners about its plan and payments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.billing.plan_subscriptions import (
    GRACE,
    TIME_TO_CHOOSE,
    Step,
    Subscription,
    SubscriptionStatus,
    refuses_bookings_from,
)
from domain.core.formatting import moment, unlinked
from domain.core.local_time import zone
from domain.tenants.plans import PLANS
from integrations.mail.protocol import Message
from kit.scope import Scope
from models.accounts.users import owners_of
from models.tenants import Tenant
from resolvers.accounts.outgoing_mail import kind_for, send_later


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to every owner."""

    subject: str
    text: str


async def email_owners(scope: Scope, letters: Sequence[Letter]) -> None:
    """Sends the letters to each owner after the commit."""
    owners = await scope.all(owners_of(scope.tenant_id)) if letters else []
    for owner in owners:
        for letter in letters:
            text = f"Hello {unlinked(owner.name)},\n\n{letter.text}\n"
            message = Message(to=owner.email, subject=letter.subject, text=text)
            send_later(scope, message, kind_for(owner))


def billing_emails(tenant: Tenant, now: Subscription, happened: Sequence[Step]) -> Iterator[Letter]:
    """Yields a letter for each step that owners need to know about."""
    venue, plan = unlinked(tenant.name), PLANS[now.plan].name
    for step in happened:
        match step:
            case Step.TRIAL_STARTED:
                yield Letter(
                    f"Your trial of the {plan} plan for {venue}",
                    f"{venue} can use everything in the {plan} plan until "
                    f"{_when(tenant, now.trial_ends_at)}, free of charge.\n\n"
                    "To keep the plan after that, subscribe under Billing.",
                )
            case Step.STARTED:
                yield Letter(
                    f"{venue} is on the {plan} plan",
                    f"Thank you. {venue} is subscribed to the {plan} plan, for "
                    f"{PLANS[now.plan].monthly_price} a month. You find invoices under Billing.",
                )
            case Step.PLAN_CHANGED if {Step.STARTED, Step.TRIAL_STARTED, Step.ENDED}.isdisjoint(
                happened
            ):
                plan_in_force = PLANS[now.plan_in_force].name
                yield Letter(
                    f"{venue} is now on the {plan_in_force} plan",
                    f"The plan of {venue} has changed to {plan_in_force}.",
                )
            case Step.NEXT_PLAN_CHANGED:
                yield _next_plan(tenant, now)
            case Step.CANCELLED:
                yield Letter(
                    f"The subscription of {venue} is cancelled",
                    f"The {plan} plan of {venue} ends at {_when(tenant, now.period_end)}. "
                    "Until then nothing changes, and you can resume the subscription under "
                    "Billing.",
                )
            case Step.RESUMED:
                yield Letter(
                    f"The subscription of {venue} continues",
                    f"The {plan} plan of {venue} was resumed and is no longer cancelled.",
                )
            case Step.PAYMENT_FAILED:
                yield _failed(tenant, now)
            case Step.RECOVERED:
                yield Letter(
                    f"We have received the payment for {venue}",
                    f"Thank you. The {plan} plan of {venue} is paid. New bookings are accepted.",
                )
            case Step.ENDED:
                yield Letter(
                    f"The subscription of {venue} has ended",
                    f"The {plan} plan of {venue} has ended, and new bookings are refused. "
                    "Existing bookings are kept, and you can still see all your data. "
                    "To accept bookings again, subscribe under Billing.",
                )
            case _:
                continue


def reminder(tenant: Tenant, now: Subscription) -> Letter:
    """Returns the letter that a trial, or the time to choose a plan, ends in three days."""
    venue = unlinked(tenant.name)
    if now.status is SubscriptionStatus.TRIALING:
        return Letter(
            f"The trial for {venue} ends soon",
            f"The trial of the {PLANS[now.plan].name} plan for {venue} ends at "
            f"{_when(tenant, now.trial_ends_at)}. To keep the plan, add a card under Billing.",
        )
    return Letter(
        f"Choose a plan for {venue}",
        f"Without a subscription, {venue} accepts bookings until "
        f"{_when(tenant, now.begun_at + TIME_TO_CHOOSE)}. To accept bookings after that, start a "
        "trial or subscribe under Billing.",
    )


def _next_plan(tenant: Tenant, now: Subscription) -> Letter:
    venue = unlinked(tenant.name)
    if now.next_plan is None:
        return Letter(
            f"{venue} stays on the {PLANS[now.plan].name} plan",
            f"The change of plan was withdrawn, and {venue} stays on its current plan.",
        )
    following = PLANS[now.next_plan].name
    return Letter(
        f"{venue} will change to the {following} plan",
        f"{venue} changes to the {following} plan at {_when(tenant, now.period_end)}.",
    )


def _failed(tenant: Tenant, now: Subscription) -> Letter:
    venue, refused_from = unlinked(tenant.name), _when(tenant, refuses_bookings_from(now))
    return Letter(
        f"The payment for {venue} failed",
        f"The payment for the {PLANS[now.plan].name} plan of {venue} failed. "
        f"Please check the card under Billing.\n\n"
        f"Nothing changes for {GRACE.days} days. From {refused_from} on, new bookings are refused "
        "until the payment arrives. Existing bookings are kept.",
    )


def _when(tenant: Tenant, at: datetime | None) -> str:
    return moment(at, zone(tenant.time_zone)) if at else "the end of the billing period"
