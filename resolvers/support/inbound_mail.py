"""Answers by mail: they land in the ticket that their signed address names."""

from enum import StrEnum
from functools import partial
from typing import cast

import structlog
from sqlmodel import col

from domain.core.contact import normalised_email
from domain.core.refusals import LimitReached
from domain.core.text import tidy_name
from domain.support.tickets import MAX_TEXT, AuthorKind, MessageChannel
from integrations.mail.inbound import InboundMail
from kit.actor import Actor, ActorKind, Request
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.reply_addresses import ReplyAddresses, ReplyTo
from models.customers.customers import Customer, customers_of
from models.support.tickets import Ticket, ticket_numbered
from resolvers.core.transactions import perform
from resolvers.notifications.mail_reports import take_mail_report
from resolvers.support.ticket_changes import AlreadyLanded, add_message
from resolvers.support.ticket_steps import customer_reply, note_added
from resolvers.support.tickets import TICKETS

EMPTY = "(The mail had no text.)"

log = structlog.get_logger(__name__)


class Landing(StrEnum):
    """What became of a mail."""

    REPLY = "REPLY"
    NOTE = "NOTE"
    KNOWN = "KNOWN"
    AUTOMATIC = "AUTOMATIC"
    NO_TICKET = "NO_TICKET"
    FULL = "FULL"
    REPORT = "REPORT"


async def land_mail(runtime: Runtime, request: Request, mail: InboundMail) -> Landing:
    """Adds a mail to the ticket that it answers, once, or notes what it reports of one of ours.

    One that comes from another address than the customer's becomes an internal note, because
    anybody may have got hold of the mail that it answers. Raises Unavailable.
    """
    landing = await _landed(runtime, request, mail)
    log.info("mail.landed", landing=landing.value, reason=mail.ignored)
    return landing


async def _landed(runtime: Runtime, request: Request, mail: InboundMail) -> Landing:
    if mail.report is not None and await take_mail_report(runtime, request, mail.report):
        return Landing.REPORT
    addresses = cast("ReplyAddresses", runtime.services[ReplyAddresses])
    to = next(filter(None, map(addresses.read, mail.recipients)), None)
    if to is None:
        return Landing.NO_TICKET
    if mail.ignored is not None:
        return Landing.AUTOMATIC
    system = Actor(ActorKind.SYSTEM, to.tenant_id)
    try:
        return (await perform(runtime, system, request, partial(_land, to=to, mail=mail))).result
    except AlreadyLanded:
        return Landing.KNOWN
    except LimitReached:
        return Landing.FULL


async def _land(scope: Scope, *, to: ReplyTo, mail: InboundMail) -> Landing:
    seen = await scope.read_outside(ticket_numbered(to.tenant_id, to.number))
    if seen is None:
        return Landing.NO_TICKET
    text = tidy_name(mail.text[:MAX_TEXT]) or EMPTY
    if await _is_from_customer(scope, seen, mail):
        await customer_reply(
            scope,
            seen.id,
            text,
            channel=MessageChannel.MAIL,
            message_id=mail.message_id,
            attachment_count=mail.attachment_count,
        )
        return Landing.REPLY
    await scope.lock(("ticket", seen.id), TICKETS)
    note = await add_message(
        scope,
        seen,
        text,
        AuthorKind.CUSTOMER,
        channel=MessageChannel.MAIL,
        is_internal=True,
        from_address=mail.sender[:320],
        message_id=mail.message_id,
        attachment_count=mail.attachment_count,
    )
    scope.emit(note_added(note))
    return Landing.NOTE


async def _is_from_customer(scope: Scope, ticket: Ticket, mail: InboundMail) -> bool:
    sender = normalised_email(mail.sender)
    customers = customers_of(scope.tenant_id).where(col(Customer.id) == ticket.customer_id)
    customer = await scope.read_outside(customers)
    return sender is not None and customer is not None and customer.email_key == sender
