"""The enums of tickets in the API."""

from domain.support.tickets import AuthorKind, MessageChannel, TicketPriority, TicketStatus
from schema.core.enums import describe

__all__ = ["AuthorKind", "MessageChannel", "TicketPriority", "TicketStatus"]

describe(
    TicketStatus,
    "The status of a ticket. Expect values to be added.",
    NEW="Nobody of the team has taken it or answered yet.",
    OPEN="The team has to do something.",
    PENDING="The customer has to answer; the clocks are paused.",
    SOLVED="It is solved. An answer of the customer opens it again.",
    CLOSED="It was solved some days ago. An answer of the customer opens a new ticket.",
)
describe(
    TicketPriority,
    "How urgent a ticket is, which decides how soon it is due.",
    LOW="It can wait.",
    NORMAL="As urgent as most.",
    HIGH="More urgent than most.",
    URGENT="It has to be answered at once.",
)
describe(
    AuthorKind,
    "Who wrote a message. Expect values to be added.",
    CUSTOMER="The customer.",
    STAFF="A member of the venue's team, or a program of it.",
    SYSTEM="The product itself.",
)
describe(
    MessageChannel,
    "How a message came in. Expect values to be added.",
    API="By this API.",
    MAIL="By mail.",
)
