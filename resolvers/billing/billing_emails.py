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
from integrations.mail.smtp import Message
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
    """Mails each owner after the commit."""
    owners = await scope.all(owners_of(scope.tenant_id)) if letters else []
    for owner in owners:
        for letter in letters:
            text = f"Hello {unlinked(owner.name)},\n\n{letter.text}\n"
            message = Message(to=owner.email, subject=letter.subject, text=text)
            send_later(scope, message, kind_for(owner))


def billing_emails(tenant: Tenant, now: Subscription, happened: Sequence[Step]) -> Iterator[Letter]:
    """Yields a mail for each step that the owners need to know of."""
    venue, plan = unlinked(tenant.name), PLANS[now.plan].name
    for step in happened:
        match step:
            case Step.TRIAL_STARTED:
                yield Letter(
                    f"The trial of {plan} for {venue}",
                    f"{venue} can use everything in the {plan} plan until "
                    f"{_when(tenant, now.trial_ends_at)}, without paying anything.\n\n"
                    "To keep it after that, subscribe under billing.",
                )
            case Step.STARTED:
                yield Letter(
                    f"{venue} is on the {plan} plan",
                    f"thank you: {venue} is subscribed to the {plan} plan, for "
                    f"{PLANS[now.plan].monthly_price} a month. Invoices are under billing.",
                )
            case Step.PLAN_CHANGED if {Step.STARTED, Step.TRIAL_STARTED, Step.ENDED}.isdisjoint(
                happened
            ):
                plan_in_force = PLANS[now.plan_in_force].name
                yield Letter(
                    f"{venue} is on the {plan_in_force} plan now",
                    f"the plan of {venue} has changed to {plan_in_force}.",
                )
            case Step.NEXT_PLAN_CHANGED:
                yield _next_plan(tenant, now)
            case Step.CANCELLED:
                yield Letter(
                    f"The subscription of {venue} is cancelled",
                    f"the {plan} plan of {venue} ends at {_when(tenant, now.period_end)}. "
                    "Until then all stays as it is, and you can resume it under billing.",
                )
            case Step.RESUMED:
                yield Letter(
                    f"The subscription of {venue} goes on",
                    f"the {plan} plan of {venue} is not cancelled any more.",
                )
            case Step.PAYMENT_FAILED:
                yield _failed(tenant, now)
            case Step.RECOVERED:
                yield Letter(
                    f"Thank you, the payment for {venue} has arrived",
                    f"what was owed for the {plan} plan of {venue} is paid, and new "
                    "bookings are taken as before.",
                )
            case Step.ENDED:
                yield Letter(
                    f"The subscription of {venue} has ended",
                    f"the {plan} plan of {venue} is over, and no new bookings are taken. "
                    "Those that exist stay, and everything can be read. "
                    "To go on, subscribe under billing.",
                )
            case _:
                continue


def reminder(tenant: Tenant, now: Subscription) -> Letter:
    """Returns the mail that a trial, or the time to choose a plan, ends in three days."""
    venue = unlinked(tenant.name)
    if now.status is SubscriptionStatus.TRIALING:
        return Letter(
            f"The trial for {venue} ends soon",
            f"the trial of the {PLANS[now.plan].name} plan for {venue} ends at "
            f"{_when(tenant, now.trial_ends_at)}. To keep the plan, give a card under billing.",
        )
    return Letter(
        f"Choose a plan for {venue}",
        f"{venue} takes bookings until {_when(tenant, now.begun_at + TIME_TO_CHOOSE)} "
        "without a subscription. To go on after that, start a trial or subscribe under billing.",
    )


def _next_plan(tenant: Tenant, now: Subscription) -> Letter:
    venue = unlinked(tenant.name)
    if now.next_plan is None:
        return Letter(
            f"{venue} stays on the {PLANS[now.plan].name} plan",
            f"the plan of {venue} does not change after all.",
        )
    following = PLANS[now.next_plan].name
    return Letter(
        f"{venue} changes to the {following} plan",
        f"from {_when(tenant, now.period_end)} on, {venue} is on the {following} plan.",
    )


def _failed(tenant: Tenant, now: Subscription) -> Letter:
    venue, refused_from = unlinked(tenant.name), _when(tenant, refuses_bookings_from(now))
    return Letter(
        f"The payment for {venue} failed",
        f"the payment for the {PLANS[now.plan].name} plan of {venue} did not go through. "
        f"Please check the card under billing.\n\n"
        f"All goes on for {GRACE.days} days; from {refused_from} on, no new bookings are taken "
        "until it is paid. Those that exist stay.",
    )


def _when(tenant: Tenant, at: datetime | None) -> str:
    return moment(at, zone(tenant.time_zone)) if at else "the end of its period"
