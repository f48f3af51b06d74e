"""What becomes of notifications after a provider has taken them, and what recipients answer."""

from hashlib import sha256
from uuid import UUID

from domain.core.phones import phone_digits
from domain.notifications.deliveries import DeliveryReason, DeliveryState
from kit.scope import Scope
from models.notifications.deliveries import NotificationDelivery, delivery_of
from models.notifications.stopped_numbers import number_started, number_stopped, stopped


async def note_arrival(scope: Scope, id: UUID) -> None:
    """Notes that a delivery has arrived; an unknown one is left alone."""
    delivery = await _locked(scope, id)
    if delivery is None or delivery.delivered_at is not None:
        return
    delivery.delivered_at = delivery.updated_at = scope.now()
    if delivery.state == DeliveryState.UNKNOWN.value:
        delivery.state, delivery.sent_at = DeliveryState.SENT.value, scope.now()


async def note_failure(scope: Scope, id: UUID, reason: DeliveryReason) -> None:
    """Notes that a delivery, which its provider had taken, hasn't arrived."""
    delivery = await _locked(scope, id)
    taken = (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN)
    if delivery is not None and delivery.state in taken and delivery.delivered_at is None:
        delivery.state, delivery.reason = DeliveryState.FAILED.value, reason.value
        delivery.updated_at = scope.now()


async def note_complaint(scope: Scope, id: UUID) -> None:
    """Notes that its recipient calls a delivery unwanted: nothing is sent to the address again."""
    delivery = await _locked(scope, id)
    if delivery is not None:
        delivery.reason = DeliveryReason.COMPLAINED.value
        delivery.updated_at = scope.now()


async def stop_number(scope: Scope, number: str) -> None:
    """Stops all SMS to a number, in E.164."""
    await scope.run(number_stopped(_key_of(number), at=scope.now()))


async def start_number(scope: Scope, number: str) -> None:
    """Lets SMS be sent to a number again."""
    await scope.run(number_started(_key_of(number)))


async def is_stopped(scope: Scope, number: str) -> bool:
    """Returns whether the owner of a number, in E.164, wants no SMS."""
    return await scope.one(stopped(_key_of(number))) is not None


async def _locked(scope: Scope, id: UUID) -> NotificationDelivery | None:
    await scope.lock(("delivery", id))
    found: NotificationDelivery | None = await scope.one(delivery_of(scope.tenant_id, id))
    return found


def _key_of(number: str) -> str:
    return sha256(f"stopped {phone_digits(number)}".encode()).hexdigest()
