"""Outgoing mail: limits how much a recipient gets, and sends security mail first.

A change enqueues a mail; a job admits it, or withholds it if an allowance is used up; another job
sends it. The caller never learns the outcome, because it would reveal which addresses are known.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import orjson
import structlog

from domain.core.contact import normalised_email
from integrations.mail.protocol import Message
from kit.actor import ANONYMOUS, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.allowances import Allowance, Allowances
from kit.security.encryption import Cipher
from kit.security.event_counts import SecurityCounts
from kit.security.network_addresses import network_of
from models.accounts.users import User, owners_of
from resolvers.core.transactions import perform

_NETWORK: Final = "network of a letter"
LETTER_JOB: Final = "letter"
MAIL_JOB: Final = "mail"
SECURITY_MAIL_JOB: Final = "security_mail"


class MailKind(StrEnum):
    """The reason for a mail, which decides the allowances that it spends."""

    ORDINARY = "ordinary"
    INVITATION = "invitation"
    VERIFICATION = "verification"
    CONFIRMATION = "confirmation"
    RESET = "reset"
    GUEST_CODE = "guest_code"
    ACCOUNT = "account"
    NOTICE = "notice"
    NOTICE_TO_STRANGER = "notice_to_stranger"


HOUR: Final = timedelta(hours=1)
PER_RECIPIENT: Final = Allowance("mail to a recipient", 3, HOUR)
"""Per recipient, over all tenants, for mail caused by others."""
VERIFICATIONS_BY_NETWORK: Final = Allowance("verification mail by network", 3, HOUR)
"""Per recipient and network, so that strangers elsewhere can't block a sign-up."""
VERIFICATIONS: Final = Allowance("verification mail to a recipient", 12, HOUR)
"""Per recipient, so that many networks together can't flood an address."""
CONFIRMATIONS_BY_NETWORK: Final = Allowance("confirmation mail by network", 3, HOUR)
"""Per recipient and network, since a booking was last confirmed from there."""
CONFIRMATIONS: Final = Allowance("confirmation mail to a recipient", 12, HOUR)
RESETS: Final = Allowance("reset mail of a venue to a recipient", 3, HOUR)
"""Each code is valid for an hour, so a recipient at the limit still has one."""
GUEST_CODES: Final = Allowance("new guest codes of a venue to a recipient", 12, HOUR)
"""Three an hour can be requested for a booking; this covers several bookings."""
PER_ACCOUNT: Final = Allowance("mail about an account", 20, HOUR)
NOTICES: Final = Allowance("notifications of a venue to a recipient", 20, HOUR)
NOTICES_TO_STRANGERS: Final = Allowance("notifications to an unverified address", 6, HOUR)
"""Per recipient, over all tenants, as anybody can enter the address for a booking."""
UNVERIFIED_TENANT: Final = Allowance("mail of an unverified tenant", 50, timedelta(days=1))

_SECURITY: Final = frozenset(MailKind) - {
    MailKind.ORDINARY,
    MailKind.INVITATION,
    MailKind.NOTICE,
    MailKind.NOTICE_TO_STRANGER,
}

log = structlog.get_logger(__name__)


def send_later(scope: Scope, message: Message, kind: MailKind = MailKind.ORDINARY) -> None:
    """Enqueues a message with the change, so that it is sent after the commit.

    It is encrypted, because operators can read the queue; a secret in it is stored nowhere else.
    """
    network = scope.service(Cipher).encrypt(network_of(scope.request.ip_address), use=_NETWORK)
    payload = {"sealed": _sealed(scope, message), "kind": kind, "network": network}
    scope.enqueue(LETTER_JOB, payload, urgent=kind in _SECURITY)


def send_admitted(scope: Scope, message: Message, kind: MailKind) -> None:
    """Enqueues a message that ``is_admitted`` has admitted, to be sent after the commit."""
    _send(scope, _sealed(scope, message), kind)


def kind_for(user: User) -> MailKind:
    """Returns the kind of a mail about an account; unverified addresses have a stricter one."""
    return MailKind.ACCOUNT if user.email_verified_at else MailKind.ORDINARY


def message_in(runtime: Runtime, payload: Mapping[str, Any]) -> Message:
    """Returns the message of a job. Raises DecryptionError."""
    cipher = cast("Cipher", runtime.services[Cipher])
    return Message(**orjson.loads(cipher.decrypt(payload["sealed"], use="mail")))


async def admit_or_withhold(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Enqueues a mail to be sent, unless an allowance of its recipient or tenant is used up."""
    kind, to = MailKind(payload["kind"]), message_in(runtime, payload).to
    network = ""
    # Mail that was queued before it was counted by network has none.
    if sealed := payload.get("network"):
        network = cast("Cipher", runtime.services[Cipher]).decrypt(sealed, use=_NETWORK)
    if not await is_admitted(runtime, tenant_id, to=to, kind=kind, network=network):
        return

    async def admit(scope: Scope) -> None:
        if tenant_id is not None:
            await scope.enter(tenant_id)
        _send(scope, payload["sealed"], kind)

    await perform(runtime, ANONYMOUS, Request(new_id()), admit)


async def is_admitted(
    runtime: Runtime, tenant_id: UUID | None, *, to: str, kind: MailKind, network: str
) -> bool:
    """Returns whether a mail may be sent; counts it, and records it if it is withheld.

    ``network`` is the network that caused it. Call it before the transaction begins.
    """
    withheld_by = await _withheld_by(runtime, tenant_id, to, kind, network)
    if withheld_by is None:
        return True
    cast("SecurityCounts", runtime.services[SecurityCounts]).add("mail_withheld", withheld_by)
    log.warning("mail.withheld", kind=kind, by=withheld_by, tenant=str(tenant_id))
    return False


async def note_confirmation(scope: Scope, email: str) -> None:
    """Resets the count of a guest's network once they have entered a code from the mail.

    Before the transaction begins.
    """
    network = network_of(scope.request.ip_address)
    recipient = normalised_email(email) or email
    await scope.service(Allowances).refill(CONFIRMATIONS_BY_NETWORK, recipient, network)


def _sealed(scope: Scope, message: Message) -> str:
    return scope.service(Cipher).encrypt(orjson.dumps(asdict(message)).decode(), use="mail")


def _send(scope: Scope, sealed: str, kind: MailKind) -> None:
    is_security = kind in _SECURITY
    name = SECURITY_MAIL_JOB if is_security else MAIL_JOB
    scope.enqueue(name, {"sealed": sealed}, urgent=is_security)


async def _withheld_by(
    runtime: Runtime, tenant_id: UUID | None, to: str, kind: MailKind, network: str
) -> str | None:
    """Returns the name of the allowance that is used up; None if the mail may be sent."""
    allowances = cast("Allowances", runtime.services[Allowances])
    recipient = normalised_email(to) or to
    for allowance, *other in _counted_by(kind, venue=str(tenant_id), network=network):
        if await allowances.try_to_spend(allowance, recipient, *other):
            return allowance.name
    if tenant_id is None or not await _is_unverified(runtime, tenant_id, recipient):
        return None
    wait = await allowances.try_to_spend(UNVERIFIED_TENANT, str(tenant_id))
    return UNVERIFIED_TENANT.name if wait else None


def _counted_by(
    kind: MailKind, *, venue: str, network: str
) -> tuple[tuple[Allowance, *tuple[str, ...]], ...]:
    """Returns the allowances that a mail spends for its recipient, in order, with their keys.

    The network's comes first, so that one network can't use up the allowance of all networks.
    """
    match kind:
        case MailKind.ORDINARY:
            return ((PER_RECIPIENT,),)
        case MailKind.INVITATION:
            # Spent by the invitation itself, which is refused if it is used up.
            return ()
        case MailKind.VERIFICATION:
            return (VERIFICATIONS_BY_NETWORK, network), (VERIFICATIONS,)
        case MailKind.CONFIRMATION:
            return (CONFIRMATIONS_BY_NETWORK, network), (CONFIRMATIONS,)
        case MailKind.RESET:
            return ((RESETS, venue),)
        case MailKind.GUEST_CODE:
            return ((GUEST_CODES, venue),)
        case MailKind.ACCOUNT:
            return ((PER_ACCOUNT, venue),)
        case MailKind.NOTICE:
            return ((NOTICES, venue),)
        case MailKind.NOTICE_TO_STRANGER:
            return ((NOTICES_TO_STRANGERS,),)


async def _is_unverified(runtime: Runtime, tenant_id: UUID, recipient: str) -> bool:
    """Returns whether the mail is to others from a tenant without a verified owner."""
    scope = Scope(runtime, ANONYMOUS, Request(new_id()))
    await scope.enter(tenant_id)
    try:
        owners = await scope.all(owners_of(tenant_id))
    finally:
        await scope.close()
    is_proved = any(owner.email_verified_at for owner in owners)
    return not is_proved and recipient not in {owner.email_key for owner in owners}
