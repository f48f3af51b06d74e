"""What a venue asks to be paid in advance, and what it gives back: changed."""

import strawberry

from domain.core.log_events import EventType
from domain.core.money import Money as Amount
from domain.payments import cancellation
from domain.payments import payments as domain
from domain.payments.payments import PolicyKind
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
    "What a venue asks of customers and guests who book. Clients tolerate new values.",
    name="PaymentPolicy",
    NONE="Nothing.",
    DEPOSIT="A part of the price; the rest is due.",
    FULL="The whole price.",
    CARD_HOLD="A card that is held: only a no-show is charged to it.",
)
input_type(
    cancellation.CancellationStep,
    "So much is given back, until so long before the start.",
    name="CancellationStepInput",
    minutes_before="Until how many minutes before the start, that instant included: from 0.",
    refund_percent="Of what was paid: 0 to 100. A later step never gives back more.",
)


@value(cancellation.CancellationStep)
class CancellationStep:
    """What cancelling gives back until so long before the start."""

    minutes_before: int = column("Until how many minutes before the start, that instant included.")
    refund_percent: int = column("How many hundredths of what was paid.")
    label: str = column("For people, in English.")


async def _kind(_: Scope, terms: domain.Terms) -> PolicyKind:
    """What has to be paid when booking."""
    return terms.policy.kind


async def _percent(_: Scope, terms: domain.Terms) -> int | None:
    """Of the price, for a deposit or a card hold; null where it is an amount."""
    return terms.policy.percent


async def _amount(_: Scope, terms: domain.Terms) -> Amount | None:
    """For a deposit or a card hold, at most the price; null where it is a percentage."""
    return terms.policy.amount


@value(domain.Terms)
class PaymentSettings:
    """What customers and guests pay when they book, and get back when they cancel."""

    policy: PolicyKind = computed(_kind)
    percent: int | None = computed(_percent)
    amount: Money | None = computed(_amount)
    cancellation_steps: list[CancellationStep] = column(
        "As they end, at most 10; after the last nothing is given back. None: everything until the "
        "start.",
        name="steps",
    )


@payload
class UpdatePaymentSettingsPayload:
    """The tenant with its changed settings."""

    tenant: Tenant | None


@strawberry.type
class PaymentSettingsMutations:
    update_payment_settings: UpdatePaymentSettingsPayload | None = mutation(
        payment_settings.update_payment_settings,
        requires=P.TENANT_WRITE,
        emits=[EventType.SETTINGS_CHANGED],
    )
