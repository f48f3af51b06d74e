"""The variables of templates: a closed list, of which each kind of notification has some."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.notifications.kinds import TICKET_KINDS, NotificationKind


class Variable(StrEnum):
    """A variable, whose value is put in the place of ``{name}``."""

    VENUE = "venue"
    NAME = "name"
    FIRST_NAME = "first_name"
    CUSTOMER = "customer"
    ROOMS = "rooms"
    DATE = "date"
    TIME = "time"
    DURATION = "duration"
    GUESTS = "guests"
    PRICE = "price"
    DUE = "due"
    REFERENCE = "reference"
    MANAGE_LINK = "manage_link"
    OLD_DATE = "old_date"
    OLD_TIME = "old_time"
    AMOUNT = "amount"
    DEADLINE = "deadline"
    CODE = "code"
    COUNT = "count"
    BOOKINGS = "bookings"
    TICKET = "ticket"
    SUBJECT = "subject"
    MESSAGE = "message"


DESCRIPTIONS: Final[Mapping[Variable, str]] = {
    Variable.VENUE: "the venue's name",
    Variable.NAME: "the recipient's name",
    Variable.FIRST_NAME: "the first word of the recipient's name",
    Variable.CUSTOMER: "the name of the booking's or the ticket's customer",
    Variable.ROOMS: "the booked rooms",
    Variable.DATE: "the date of the booking, or of the digest",
    Variable.TIME: "from when to when",
    Variable.DURATION: "how long, such as '1 h 30 min'",
    Variable.GUESTS: "the number of people",
    Variable.PRICE: "the total price",
    Variable.DUE: "what is still to be paid; empty if nothing is",
    Variable.REFERENCE: "the booking's reference",
    Variable.MANAGE_LINK: "the address at which the customer sees and changes the booking",
    Variable.OLD_DATE: "the date before the change; empty if the time didn't change",
    Variable.OLD_TIME: "from when to when before the change; empty if the time didn't change",
    Variable.AMOUNT: "the amount that was paid, couldn't be charged, or is refunded",
    Variable.DEADLINE: "until when the offer holds, or the ticket is due",
    Variable.CODE: "the code for the offer or the ticket; in mails alone",
    Variable.COUNT: "the number of bookings",
    Variable.BOOKINGS: "the bookings, each on a line of its own",
    Variable.TICKET: "the number of the ticket",
    Variable.SUBJECT: "the subject of the ticket",
    Variable.MESSAGE: "what was written; for the team its beginning",
}

_ALWAYS: Final = (Variable.VENUE, Variable.NAME, Variable.FIRST_NAME, Variable.DATE)
_OF_BOOKING: Final = (
    *_ALWAYS,
    Variable.TIME,
    Variable.DURATION,
    Variable.ROOMS,
    Variable.GUESTS,
    Variable.PRICE,
    Variable.DUE,
    Variable.REFERENCE,
    Variable.MANAGE_LINK,
)
_OF_TICKET: Final = (
    Variable.VENUE,
    Variable.NAME,
    Variable.FIRST_NAME,
    Variable.TICKET,
    Variable.SUBJECT,
)
_MORE: Final[Mapping[NotificationKind, tuple[Variable, ...]]] = {
    NotificationKind.BOOKING_CHANGED: (Variable.OLD_DATE, Variable.OLD_TIME),
    NotificationKind.BOOKING_CANCELLED: (Variable.AMOUNT,),
    NotificationKind.PAYMENT_RECEIVED: (Variable.AMOUNT,),
    NotificationKind.PAYMENT_FAILED: (Variable.AMOUNT,),
    NotificationKind.REFUNDED: (Variable.AMOUNT,),
    NotificationKind.WAITLIST_OFFERED: (Variable.DEADLINE, Variable.CODE),
    NotificationKind.STAFF_BOOKING_CREATED: (Variable.CUSTOMER,),
    NotificationKind.STAFF_BOOKING_CANCELLED: (Variable.CUSTOMER,),
    NotificationKind.TICKET_RECEIVED: (Variable.CODE,),
    NotificationKind.TICKET_ANSWERED: (Variable.MESSAGE, Variable.CODE),
    NotificationKind.STAFF_TICKET_OPENED: (Variable.CUSTOMER, Variable.MESSAGE),
    NotificationKind.STAFF_TICKET_REPLIED: (Variable.CUSTOMER, Variable.MESSAGE),
    NotificationKind.STAFF_TICKET_DUE: (Variable.CUSTOMER, Variable.DEADLINE),
}


def variables_of(kind: NotificationKind) -> tuple[Variable, ...]:
    """Returns the variables that templates of a kind can have, in order."""
    if kind is NotificationKind.STAFF_DIGEST:
        return (*_ALWAYS, Variable.COUNT, Variable.BOOKINGS)
    if kind in TICKET_KINDS:
        return (*_OF_TICKET, *_MORE.get(kind, ()))
    return (*_OF_BOOKING, *_MORE.get(kind, ()))
