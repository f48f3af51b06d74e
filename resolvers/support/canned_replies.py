"""Canned replies: lists, changes and fills them in."""

from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import Select, false
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import CannedReplyId
from domain.core.log_events import Event, EventType
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import LimitReached
from domain.core.text import LongText, tidy_name
from domain.support.canned_replies import MAX_REPLIES, ReplyVariable, canned_refusals, filled
from domain.support.tickets import MAX_TEXT
from kit.errors import Forbidden
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.core.base import snapshot
from models.customers.customers import Customer, customers_of
from models.support.canned_replies import CannedReply, canned_replies_counted, canned_replies_of
from models.support.tickets import Ticket
from permissions.policy import grant_of
from permissions.roles import GrantScope, P
from resolvers.core.changes import log_change
from resolvers.core.lookups import get_at_version, get_or_refuse, raise_all
from resolvers.tenants.tenants import own_tenant

_LOCK: Final = ("canned replies",)
Title = Annotated[str, Doc("What the team finds it by: at most 100 characters.")]
ReplyText = Annotated[
    LongText,
    Doc(
        "The text: at most 5,000 characters. `{name}`, `{first_name}`, `{venue}`, `{number}`, "
        "`{subject}` and `{reference}` (of the booking) are filled in when it is sent."
    ),
]


def visible_canned_replies(scope: Scope) -> Select[CannedReply]:
    """Selects the canned replies, for those who may see all tickets."""
    replies = canned_replies_of(scope.tenant_id)
    is_team = grant_of(scope.actor, P.SUPPORT_READ) is GrantScope.ANY
    return replies if is_team else replies.where(false())


def canned_replies(scope: Scope) -> Listing[CannedReply]:
    """The canned replies of the venue, by title. Customers see none."""
    return Listing(CannedReply, visible_canned_replies(scope), (Order(CannedReply.title),))


async def create_canned_reply(scope: Scope, *, title: Title, text: ReplyText) -> CannedReply:
    """Write a reply in advance, for questions that come again. A venue can have 200."""
    _check_team(scope)
    raise_all(list(canned_refusals(tidy_name(title), text)))
    await scope.lock(_LOCK)
    used = await scope.value(canned_replies_counted(scope.tenant_id))
    if used >= MAX_REPLIES:
        raise LimitReached("canned replies", MAX_REPLIES, used)
    new = scope.add(
        CannedReply(
            tenant_id=scope.tenant_id,
            title=tidy_name(title),
            text=text.strip(),
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
    scope.emit(Event(EventType.CANNED_REPLY_CREATED, "CannedReply", new.id, after=snapshot(new)))
    return new


async def update_canned_reply(
    scope: Scope,
    id: Annotated[CannedReplyId, Doc("The id of the canned reply.")],
    *,
    version: Annotated[
        int,
        Doc(
            "The version of the canned reply that you read. If it has changed since, the mutation "
            "is refused with STALE_VERSION."
        ),
    ],
    title: Annotated[str | Absent, Doc("The new title: at most 100 characters.")] = ABSENT,
    text: Annotated[
        LongText | Absent, Doc("The new text: at most 5,000 characters, with the same variables.")
    ] = ABSENT,
) -> CannedReply:
    """Change a canned reply. What was sent stays as it is."""
    _check_team(scope)
    await scope.lock(_LOCK)
    visible = visible_canned_replies(scope)
    reply = await get_at_version(scope, visible, id, version=version, what="canned reply")
    before = snapshot(reply)
    if title is not ABSENT:
        reply.title = tidy_name(title)
    if text is not ABSENT:
        reply.text = text.strip()
    raise_all(list(canned_refusals(reply.title, reply.text)))
    if log_change(scope, EventType.CANNED_REPLY_UPDATED, "CannedReply", reply, before):
        reply.updated_at = scope.now()
    return reply


async def delete_canned_reply(
    scope: Scope, id: Annotated[CannedReplyId, Doc("The id of the canned reply.")]
) -> UUID:
    """Delete a canned reply. What was sent stays as it is."""
    _check_team(scope)
    await scope.lock(_LOCK)
    reply = await get_or_refuse(scope, visible_canned_replies(scope), id, what="canned reply")
    before = snapshot(reply)
    await scope.remove(reply)
    scope.emit(Event(EventType.CANNED_REPLY_DELETED, "CannedReply", reply.id, before=before))
    return reply.id


async def filled_reply(scope: Scope, id: CannedReplyId, ticket: Ticket) -> str:
    """Returns the text of a canned reply for a ticket. Raises NotFound."""
    reply = await get_or_refuse(
        scope,
        visible_canned_replies(scope),
        id,
        what="canned reply",
        path=("canned_reply_id",),
    )
    customer = await scope.one(
        customers_of(scope.tenant_id).where(col(Customer.id) == ticket.customer_id)
    )
    booking = await scope.one(
        bookings_of(scope.tenant_id).where(col(Booking.id) == ticket.booking_id)
    )
    name = "" if customer is None else customer.name
    values = {
        ReplyVariable.NAME: name,
        ReplyVariable.FIRST_NAME: name.split(" ")[0],
        ReplyVariable.VENUE: (await own_tenant(scope)).name,
        ReplyVariable.NUMBER: str(ticket.number),
        ReplyVariable.SUBJECT: ticket.subject,
        ReplyVariable.REFERENCE: "" if booking is None else booking.reference,
    }
    return filled(reply.text, values)[:MAX_TEXT]


def _check_team(scope: Scope) -> None:
    """Raises Forbidden for customers."""
    if grant_of(scope.actor, P.SUPPORT_WRITE) is not GrantScope.ANY:
        raise Forbidden("Only the venue's team can do this.")
