"""Makes support tickets without requests, and with nothing on the log."""

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.support.canned_replies import CannedReply
from models.support.settings import SupportSettings
from models.support.tickets import Ticket, TicketMessage
from resolvers.core.transactions import perform
from tests.support.factories import Venue


async def make_ticket(
    runtime: Runtime, venue: Venue, booking: Booking | None = None, *, number: int = 1
) -> tuple[Ticket, TicketMessage]:
    """Adds a ticket of the guest with an internal note; the team's first member has it."""

    async def make(scope: Scope) -> tuple[Ticket, TicketMessage]:
        await scope.lock()
        ticket = scope.add(
            Ticket(
                tenant_id=venue.tenant.id,
                number=number,
                subject="A lost jacket",
                customer_id=venue.customer.id,
                booking_id=None if booking is None else booking.id,
                assignee_id=venue.staff.user.id,
                created_at=scope.now(),
                updated_at=scope.now(),
            )
        )
        await scope.flush()
        note = scope.add(
            TicketMessage(
                tenant_id=venue.tenant.id,
                ticket_id=ticket.id,
                author_kind="STAFF",
                is_internal=True,
                text="It is at the bar.",
                created_at=scope.now(),
            )
        )
        return ticket, note

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def make_support(runtime: Runtime, venue: Venue) -> tuple[SupportSettings, CannedReply]:
    """Adds settings of support, and a canned reply."""

    async def make(scope: Scope) -> tuple[SupportSettings, CannedReply]:
        await scope.lock()
        settings = scope.add(SupportSettings.default(venue.tenant.id))
        reply = CannedReply(
            tenant_id=venue.tenant.id,
            title="Greeting",
            text="Hello {first_name}!",
            created_at=scope.now(),
            updated_at=scope.now(),
        )
        return settings, scope.add(reply)

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result
