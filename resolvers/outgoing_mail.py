"""Outgoing mail: how often somebody is written to, and what leaves first.

A change stores a letter; a job admits it, or withholds it where an allowance is used up; another
one sends it. Who caused a letter is never told what became of it, or addresses could be tried.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import orjson
import structlog

from domain.users import normalised_email
from integrations.mail import Message
from kit.allowances import Allowance, Allowances
from kit.ids import new_id
from kit.scope import ANONYMOUS, Request, Runtime, Scope
from kit.sealing import Seal
from kit.security_counts import SecurityCounts
from models.users import User, owners_of
from resolvers.transactions import perform

LETTER_JOB: Final = "letter"
MAIL_JOB: Final = "mail"
SECURITY_MAIL_JOB: Final = "security_mail"


class MailKind(StrEnum):
    """Why somebody is written to, which decides how often."""

    ORDINARY = "ordinary"
    INVITATION = "invitation"
    VERIFICATION = "verification"
    RESET = "reset"
    ACCOUNT = "account"


HOUR: Final = timedelta(hours=1)
PER_RECIPIENT: Final = Allowance("mail to a recipient", 3, HOUR)
"""What others cause, over all tenants."""
VERIFICATIONS: Final = Allowance("verification mail to a recipient", 3, HOUR)
"""Its own, or strangers could keep somebody from signing up."""
RESETS: Final = Allowance("reset mail of a venue to a recipient", 3, HOUR)
"""Each code is good for an hour: whoever can't have another one has one."""
PER_ACCOUNT: Final = Allowance("mail about an account", 20, HOUR)
UNVERIFIED_TENANT: Final = Allowance("mail of an unverified tenant", 50, timedelta(days=1))

_SECURITY: Final = frozenset({MailKind.VERIFICATION, MailKind.RESET, MailKind.ACCOUNT})

log = structlog.get_logger(__name__)


def send_later(scope: Scope, message: Message, kind: MailKind = MailKind.ORDINARY) -> None:
    """Mail a message once the change is stored, whatever ends in between.

    It waits sealed: a secret in it is kept nowhere else, and operators see the queue.
    """
    text = orjson.dumps(asdict(message)).decode()
    sealed = scope.use(Seal).seal(text, use="mail")
    scope.enqueue(LETTER_JOB, {"sealed": sealed, "kind": kind}, urgent=kind in _SECURITY)


def kind_for(user: User) -> MailKind:
    """The kind of a letter about an account: whoever has not proved the address may be anybody."""
    return MailKind.ACCOUNT if user.email_verified_at else MailKind.ORDINARY


def message_in(runtime: Runtime, payload: Mapping[str, Any]) -> Message:
    """What a job is to send. Raises Unreadable where the installation's secret is new."""
    seal = cast("Seal", runtime.parts[Seal])
    return Message(**orjson.loads(seal.open(payload["sealed"], use="mail")))


async def admit_or_withhold(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Have a letter sent, unless its recipient or its tenant has had enough mail."""
    kind = MailKind(payload["kind"])
    withheld_by = await _withheld_by(runtime, tenant_id, message_in(runtime, payload), kind)
    if withheld_by is not None:
        cast("SecurityCounts", runtime.parts[SecurityCounts]).add("mail_withheld", withheld_by)
        log.warning("mail.withheld", kind=kind, by=withheld_by, tenant=str(tenant_id))
        return
    is_security = kind in _SECURITY

    async def admit(scope: Scope) -> None:
        if tenant_id is not None:
            await scope.enter(tenant_id)
        name = SECURITY_MAIL_JOB if is_security else MAIL_JOB
        scope.enqueue(name, {"sealed": payload["sealed"]}, urgent=is_security)

    await perform(runtime, ANONYMOUS, Request(new_id()), admit)


async def _withheld_by(
    runtime: Runtime, tenant_id: UUID | None, message: Message, kind: MailKind
) -> str | None:
    """The name of the allowance that is used up; None where the letter may go."""
    allowances = cast("Allowances", runtime.parts[Allowances])
    recipient = normalised_email(message.to) or message.to
    allowance = _of_recipient(kind)
    if allowance is not None:
        is_of_tenant = allowance in (RESETS, PER_ACCOUNT)
        subjects = (recipient, str(tenant_id)) if is_of_tenant else (recipient,)
        if await allowances.try_to_spend(allowance, *subjects):
            return allowance.name
    if tenant_id is None or not await _is_unverified(runtime, tenant_id, recipient):
        return None
    wait = await allowances.try_to_spend(UNVERIFIED_TENANT, str(tenant_id))
    return UNVERIFIED_TENANT.name if wait else None


def _of_recipient(kind: MailKind) -> Allowance | None:
    match kind:
        case MailKind.ORDINARY:
            return PER_RECIPIENT
        case MailKind.INVITATION:
            # Spent by the one who invites, and is told where it is used up.
            return None
        case MailKind.VERIFICATION:
            return VERIFICATIONS
        case MailKind.RESET:
            return RESETS
        case MailKind.ACCOUNT:
            return PER_ACCOUNT


async def _is_unverified(runtime: Runtime, tenant_id: UUID, recipient: str) -> bool:
    """Does a tenant write to others before any of its owners has proved an address?"""
    scope = Scope(runtime, ANONYMOUS, Request(new_id()))
    await scope.enter(tenant_id)
    try:
        owners = await scope.all(owners_of(tenant_id))
    finally:
        await scope.close()
    is_proved = any(owner.email_verified_at for owner in owners)
    return not is_proved and recipient not in {owner.email_key for owner in owners}
