"""The kinds of notifications, and their channels, in the API."""

from domain.notifications.kinds import Channel, NotificationKind
from schema.core.enums import describe

__all__ = ["Channel", "NotificationKind"]

describe(
    Channel,
    "What brings a notification to its recipient.",
    EMAIL="An e-mail.",
    SMS="A text message to a phone. The venue's plan has to include it.",
    PUSH="A push message to the browsers and devices that the recipient has registered.",
    IN_APP="An entry of the recipient's inbox, for recipients with an account.",
)
describe(
    NotificationKind,
    "What a notification is about. Those that begin with STAFF are for the venue's team, all "
    "others for a customer. Expect values to be added.",
    BOOKING_REQUESTED="A booking was made that the venue has to confirm.",
    BOOKING_CONFIRMED="A booking was made, or the venue confirmed it.",
    BOOKING_CHANGED="A booking has another time or room.",
    BOOKING_CANCELLED="A booking was cancelled.",
    BOOKING_REJECTED="The venue rejected a booking, or didn't confirm it in time.",
    BOOKING_REMINDER="A booking begins soon.",
    PAYMENT_RECEIVED="A payment for a booking was received.",
    PAYMENT_FAILED="A payment for a booking failed.",
    REFUNDED="Money was paid back for a booking.",
    WAITLIST_OFFERED="A time that the customer waits for is held for them.",
    REVIEW_ASKED="A booking is over; it invites the customer to say what they think of it.",
    STAFF_DIGEST="The bookings of a day.",
    STAFF_BOOKING_CREATED="A booking was made.",
    STAFF_BOOKING_CANCELLED="A booking was cancelled.",
    TICKET_RECEIVED="A ticket that the customer has opened has arrived.",
    TICKET_ANSWERED="The venue has answered a ticket. The customer can answer the mail.",
    STAFF_TICKET_OPENED="A customer has opened a ticket.",
    STAFF_TICKET_REPLIED="A customer has written in a ticket.",
    STAFF_TICKET_DUE="A reply to a ticket, or its solution, is almost due.",
)
