"""What a venue asks to be paid in advance, and what it gives back: changed."""

import strawberry

import schema.payments.payments  # noqa: F401 - its input is known before it is used
from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.payments import payment_settings
from schema.core.mutations import mutation, payload
from schema.tenants.tenants import Tenant


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
