"""Marks addresses to which no more mail goes, by what mail servers report of our mails."""

import re
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from domain.notifications.deliveries import DeliveryReason
from integrations.mail.reports import MailReport, MailReportKind
from kit.actor import Actor, ActorKind, Request
from kit.runtime import Runtime
from resolvers.core.transactions import perform
from resolvers.notifications.receipts import note_complaint, note_failure

_OURS: Final = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})@.+")

log = structlog.get_logger(__name__)


def message_id(tenant_id: UUID, delivery_id: UUID) -> str:
    """Returns what the Message-ID of a notification has before its @, by which a report finds it.

    It is the same when the mail is sent again.
    """
    return f"{delivery_id.hex}.{tenant_id.hex}"


async def take_mail_report(runtime: Runtime, request: Request, report: MailReport) -> bool:
    """Notes what is reported of a notification; returns False if it is about another mail."""
    ours = _OURS.fullmatch(report.message_id)
    if ours is None:
        return False
    id, tenant_id = UUID(ours[1]), UUID(ours[2])
    if report.kind is MailReportKind.COMPLAINED:
        change = partial(note_complaint, id=id)
    else:
        change = partial(note_failure, id=id, reason=DeliveryReason.BOUNCED)
    await perform(runtime, Actor(ActorKind.SYSTEM, tenant_id), request, change)
    log.info("mail.reported", kind=report.kind.name)
    return True
