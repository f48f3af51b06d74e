"""What a venue asks to be paid in advance, and what it gives back: changed."""

import strawberry

from domain.core.log_events import EventType
from domain.core.money import Money as Amount
from domain.payments import cancellation
from domain.payments import payments as domain
from domain.tenants.payment_policy import PolicyKind
from kit.scope import Scope
from permissions.roles import P
from resolvers.payments import payment_settings
from schema.core.enums import describe
from schema.core.fields import column, computed, value
from schema.core.inputs import input_type
from schema.core.money import Money
from schema.core.mutations import mutation, payload
from schema.tenants.tenants import Tenant

describe(
    PolicyKind,
    "What a venue requires customers and guests to pay when they book. Expect values to be added.",
    name="PaymentPolicy",
    NONE="No payment.",
    DEPOSIT="A part of the price; the rest is due later.",
    FULL="The whole price.",
    CARD_HOLD="A hold on a card, which is only charged if nobody comes.",
)
input_type(
    cancellation.CancellationStep,
    "A step of a cancellation policy: the refund for cancelling until a certain time "
    "before the start.",
    name="CancellationStepInput",
    minutes_before="Until how many minutes before the start the step applies: 0 to 527,040, "
    "which is 366 days. The instant itself is included.",
    refund_percent="The percentage of the payments that is refunded: 0 to 100. A later step "
    "can't refund more than an earlier one.",
)


@value(cancellation.CancellationStep)
class CancellationStep:
    """A step of a cancellation policy: the refund for cancelling until a certain time before the
    start."""

    minutes_before: int = column(
        "Until how many minutes before the start the step applies. The instant itself is included."
    )
    refund_percent: int = column("The percentage of the payments that is refunded: 0 to 100.")
    label: str = column(
        "The step in English, for people, such as 'Free until 24 hours before the start'."
    )


async def _kind(_: Scope, terms: domain.Terms) -> PolicyKind:
    """What has to be paid when booking."""
    return terms.policy.kind


async def _percent(_: Scope, terms: domain.Terms) -> int | None:
    """The percentage of the price for a deposit or a card hold.

    Null if it is a fixed amount or neither is required.
    """
    return terms.policy.percent


async def _amount(_: Scope, terms: domain.Terms) -> Amount | None:
    """The fixed amount for a deposit or a card hold: at most the price is charged.

    Null if it is a percentage or neither is required.
    """
    return terms.policy.amount


async def _cancellation_fees_due(_: Scope, terms: domain.Terms) -> bool:
    """Whether customers owe what the steps don't refund of the price, even if they haven't paid
    it.
    """
    return terms.fees.cancellation


async def _no_show_fee_percent(_: Scope, terms: domain.Terms) -> int:
    """The percentage of the price that a customer who doesn't come owes: 0 to 100."""
    return terms.fees.no_show_percent


@value(domain.Terms)
class PaymentSettings:
    """What customers and guests pay when they book, and what is refunded when they cancel."""

    policy: PolicyKind = computed(_kind)
    percent: int | None = computed(_percent)
    amount: Money | None = computed(_amount)
    cancellation_steps: list[CancellationStep] = column(
        "What a cancellation refunds, in chronological order: at most 10 steps. After the "
        "last step nothing is refunded. If empty, everything is refunded until the start.",
        name="steps",
    )
    cancellation_fees_due: bool = computed(_cancellation_fees_due)
    no_show_fee_percent: int = computed(_no_show_fee_percent)


@payload
class UpdatePaymentSettingsPayload:
    """The result of `updatePaymentSettings`."""

    tenant: Tenant | None


@strawberry.type
class PaymentSettingsMutations:
    update_payment_settings: UpdatePaymentSettingsPayload | None = mutation(
        payment_settings.update_payment_settings,
        requires=P.TENANT_WRITE,
        emits=[EventType.SETTINGS_CHANGED],
    )
