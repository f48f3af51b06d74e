"""What is sent about tickets: to the customer, whose answer to a mail lands, and to the team."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlmodel import col

from domain.accounts.users import Role
from domain.core.formatting import unlinked
from domain.core.log_events import EventType, LoggedEvent
from domain.notifications.kinds import Channel
from domain.notifications.kinds import NotificationKind as Kind
from domain.support.tickets import AuthorKind, MessageChannel
from kit.scope import Scope
from kit.security.reply_addresses import ReplyAddresses, ReplyTo
from kit.security.tokens import Link, TicketLinks
from models.accounts.users import User, users_of
from models.core.filters import is_any
from models.customers.customers import Customer, customers_of
from models.support.tickets import Ticket, TicketMessage, messages_in, ticket_of
from resolvers.core.hooks import Handler
from resolvers.notifications.deliveries import Notice, make_deliveries
from resolvers.notifications.hooks import NoticeDraft, writing
from resolvers.notifications.recipients import MAX_TEAM, Recipient, customer_of, team
from resolvers.notifications.settings import notification_settings

TOLD_OF: Final = frozenset(
    {EventType.TICKET_OPENED, EventType.TICKET_REPLIED, EventType.TICKET_ESCALATED}
)
"""The events of which somebody is told."""
_MANAGERS: Final = tuple(
    role.value for role in Role if role in (Role.MANAGER, Role.ADMIN, Role.OWNER)
)
_MAX_REFERENCES: Final = 20


async def notify_of_ticket(scope: Scope, event: LoggedEvent) -> None:
    """Makes the deliveries that an entry of the log about a ticket causes."""
    ticket = await scope.one(ticket_of(scope.tenant_id, event.subject_id))
    assert ticket is not None, "a ticket is never removed"
    after = event.after or {}
    about = {"ticket_id": str(ticket.id), "message_id": after.get("message_id")}
    is_from_customer = after.get("author_kind") == AuthorKind.CUSTOMER
    match event.type:
        case EventType.TICKET_OPENED if is_from_customer:
            await _tell(scope, event, Kind.TICKET_RECEIVED, about, await _customer(scope, ticket))
            told = await team(scope, without=event.actor_id)
            await _tell(scope, event, Kind.STAFF_TICKET_OPENED, about, told)
        case EventType.TICKET_REPLIED if is_from_customer:
            told = await _responsible(scope, ticket)
            await _tell(scope, event, Kind.STAFF_TICKET_REPLIED, about, told)
        case EventType.TICKET_OPENED | EventType.TICKET_REPLIED:
            await _tell(scope, event, Kind.TICKET_ANSWERED, about, await _customer(scope, ticket))
        case EventType.TICKET_ESCALATED:
            about["deadline"] = str(after["due_at"])
            await _tell(scope, event, Kind.STAFF_TICKET_DUE, about, await _managers(scope, ticket))
        case _:
            raise AssertionError(f"nobody is told of {event.type}")


async def _tell(
    scope: Scope,
    event: LoggedEvent,
    kind: Kind,
    about: Mapping[str, Any],
    recipients: Sequence[Recipient],
) -> None:
    notice = Notice(kind, f"log {event.position}", details=about)
    await make_deliveries(scope, await notification_settings(scope), notice, recipients)


async def _customer(scope: Scope, ticket: Ticket) -> list[Recipient]:
    found = await customer_of(scope, ticket.customer_id, None)
    return [] if found is None else [found]


async def _responsible(scope: Scope, ticket: Ticket) -> list[Recipient]:
    """Returns whoever has the ticket; the team if nobody has it, or has left."""
    everybody = await team(scope)
    return [each for each in everybody if each.id == ticket.assignee_id] or list(everybody)


async def _managers(scope: Scope, ticket: Ticket) -> list[Recipient]:
    """Returns the managers of the venue, and whoever has the ticket."""
    is_told = is_any(User.role, _MANAGERS) | (col(User.id) == ticket.assignee_id)
    members = users_of(scope.tenant_id).where(
        is_told, col(User.password_hash).is_not(None), col(User.deactivated_at).is_(None)
    )
    found = await scope.all(members.order_by(col(User.created_at), col(User.id)).limit(MAX_TEAM))
    return [Recipient.of_user(each) for each in found]


# ------------------------------------------------------------------------------ writing


async def _write(scope: Scope, draft: NoticeDraft) -> None:
    """Completes a notice: number, subject, and what was written; for mails, where answers land."""
    ticket = await scope.one(ticket_of(scope.tenant_id, UUID(draft.stored["ticket_id"])))
    assert ticket is not None, "a ticket is never removed"
    draft.details |= {"ticket": str(ticket.number), "subject": unlinked(ticket.subject)}
    messages = await scope.all(messages_in(scope.tenant_id, ticket.id))
    message = next((each for each in messages if str(each.id) == draft.stored["message_id"]), None)
    if draft.kind in _FOR_CUSTOMERS:
        assert message is None or not message.is_internal, "notes are told to nobody"
        draft.details["message"] = "" if message is None else message.text
        if draft.channel is Channel.EMAIL:
            await _address(scope, draft, ticket, messages)
        return
    # A stranger may have written it: the team gets no links by mail.
    draft.details["message"] = "" if message is None else unlinked(message.text)
    customer = await scope.one(
        customers_of(scope.tenant_id).where(col(Customer.id) == ticket.customer_id)
    )
    draft.details["customer"] = "" if customer is None else unlinked(customer.name)


async def _address(
    scope: Scope, draft: NoticeDraft, ticket: Ticket, messages: list[TicketMessage]
) -> None:
    """Makes a mail part of the ticket's thread, and its answers land in the ticket."""
    addresses = scope.service(ReplyAddresses)
    link = Link(ticket.tenant_id, ticket.id, is_mailed=True)
    draft.details["code"] = scope.service(TicketLinks).sign(link)
    draft.reply_to = addresses.sign(ReplyTo(ticket.tenant_id, ticket.number))
    # Mail programs show together what refers to the same message, even one they never got.
    root = f"<ticket-{ticket.id.hex}@{addresses.domain or 'localhost'}>"
    came = [
        each.message_id
        for each in messages
        if each.channel == MessageChannel.MAIL.value
        and each.message_id is not None
        and not each.is_internal
    ][-_MAX_REFERENCES:]
    draft.headers |= {
        "In-Reply-To": came[-1] if came else root,
        "References": " ".join([root, *came]),
    }


_FOR_CUSTOMERS: Final = frozenset({Kind.TICKET_RECEIVED, Kind.TICKET_ANSWERED})
WRITERS: Final[Mapping[str, Handler[NoticeDraft]]] = {
    writing(kind): _write
    for kind in (
        Kind.TICKET_RECEIVED,
        Kind.TICKET_ANSWERED,
        Kind.STAFF_TICKET_OPENED,
        Kind.STAFF_TICKET_REPLIED,
        Kind.STAFF_TICKET_DUE,
    )
}
"""What writes the notices about tickets."""
