"""Requests for bookings in natural language, as they are understood."""

from datetime import date, datetime

import strawberry

from domain.assistant.phrases import requests
from domain.assistant.wishes import PreferredHours
from domain.core.local_time import LocalTime
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.assistant import booking_requests
from schema.bookings.public_venue import Venue, VenueRoom
from schema.core.enums import describe
from schema.core.fields import column, computed, extends, query, value
from schema.core.scalars import Decimal

describe(
    requests.RequestPart,
    "A part of a request for a booking. Expect values to be added.",
    DATE="The date, or the dates that would suit.",
    START="When it starts.",
    DURATION="How long it lasts.",
    PARTY="The number of people.",
)
describe(
    requests.RequestConfidence,
    "How sure it is what a text asks for.",
    CONFIDENT="What was understood is what was written; `assumed` says what was added.",
    AMBIGUOUS="Date or start can be read in several ways, which are `alternatives`; or some words "
    "weren't understood that may change the date, and its only reading is the alternative.",
    NOT_UNDERSTOOD="The text doesn't say anything about a booking.",
)
describe(
    requests.RemarkCode,
    "Why a part of a request is missing, assumed or in doubt. Expect values to be added.",
    NOT_SAID="Missing: the text doesn't say it.",
    PAST="Missing: the date is past.",
    NO_SUCH_DATE="Missing: the calendar has no such date.",
    NEXT_SUCH_DAY="Assumed: the next date of this weekday, or of this day of the month.",
    DATE_ORDER="Whether the day or the month comes first: assumed by the locale, or in doubt.",
    OPENING_HOURS="Assumed: the time is one at which the venue is open.",
    PART_OF_DAY="Assumed: the hours that are usually meant by a part of the day.",
    ROUGH_NUMBER="Assumed: an approximate number is exact.",
    LARGEST_NUMBER="Assumed: of several numbers, the largest is meant.",
    SPEAKER_COUNTED="Assumed: the person who writes comes too, and is counted.",
    ROUGH_TIME="Assumed: an approximate time is exact.",
    OTHER_ZONE="Assumed: the time was in another time zone, and has been converted.",
    SPELLING="Assumed: a misspelled word is a weekday, a month or the like.",
    WHICH_WEEK="In doubt: this week's or the next one's.",
    WHICH_DAY="In doubt: the words fit several days.",
    ALREADY_PAST="In doubt: this year's date was a short time ago, so next year's may be meant.",
    WEEKDAY_DIFFERS="In doubt: the date and the weekday don't fit together.",
    UNREAD_WORDS="In doubt: words that weren't understood may change the date, such as 'not'.",
    SEVERAL_DATES="In doubt: there is more than one date.",
    HALF_OF_DAY="In doubt: in the morning or in the evening.",
    AFTER_MIDNIGHT="In doubt: the night before the date, or the one after it.",
    ZONE_NAME="In doubt: the abbreviation of the time zone has several meanings.",
    SKIPPED_TIME="In doubt: the clock skips this time when it is put forward.",
    REPEATED_TIME="In doubt: the clock shows this time twice when it is put back.",
)
describe(
    requests.BudgetPer,
    "What an amount of money is for.",
    name="RequestBudgetPer",
    BOOKING="The whole booking.",
    PERSON="Each person.",
    HOUR="Each hour.",
)


@value(booking_requests.RequestRemark)
class RequestRemark:
    """Why a part of a request is missing, assumed or in doubt."""

    part: requests.RequestPart = column("The part of the request.")
    code: requests.RemarkCode = column("The reason, for programs.")
    text: str = column("The reason as a sentence in the language of the request, for a person.")


@value(PreferredHours)
class RequestedHours:
    """The local times between which a booking is to start, both included."""

    from_: LocalTime = column("The earliest start.")
    until: LocalTime = column(
        "The latest start, from 24:00 to 30:00 after midnight: 26:00 is 02:00 of the next date."
    )


@value(requests.Budget)
class RequestBudget:
    """The most that is to be spent."""

    amount: Decimal = column("The amount, as a decimal string.")
    currency_code: str | None = column(
        "The ISO 4217 code of the currency, or null if it wasn't said. '$' is read as USD."
    )
    per: requests.BudgetPer = column("What the amount is for.")


@value(booking_requests.RequestReading)
class RequestReading:
    """One way to read when a booking is to be."""

    first_date: date | None = column("The first date, or null if none was said.")
    last_date: date | None = column("The last date; the first one if a single date was said.")
    start: LocalTime | None = column("The local time of the start, or null if none was said.")
    starts_at: datetime | None = column("The instant of the start, if date and time were said.")


@value(booking_requests.ParsedBookingRequest)
class ParsedBookingRequest:
    """What a text asks for. What it doesn't say, or says in several ways, is null."""

    language: str = column("The language of the text: `en`, `de`, `es` or `fr`.")
    confidence: requests.RequestConfidence = column("How sure the reading is.")
    first_date: date | None = column("The first date that suits, in the venue's time zone.")
    last_date: date | None = column("The last date that suits; the first one for a single date.")
    start: LocalTime | None = column("The venue's local time at which the booking is to start.")
    starts_at: datetime | None = column(
        "The instant of the start, if a single date and a time were understood."
    )
    preferred_hours: RequestedHours | None = column(
        "Between which times the booking is to start, if no time was said, such as for 'evening'."
    )
    duration_minutes: int | None = column("The duration in minutes.")
    party_size: int | None = column("The number of people.")
    room: VenueRoom | None = column("The room that the text names.")
    category: str | None = column("The category of rooms that the text names.")
    budget: RequestBudget | None = column("The most that is to be spent.")
    named_time_zone: str | None = column(
        "The time zone that the text names, as an IANA name or an abbreviation such as 'CET'; "
        "the start has been converted to the venue's. Null if it names none."
    )
    missing: list[RequestRemark] = column("What the text doesn't say: at most 4.")
    assumed: list[RequestRemark] = column("What was added to the text: at most 10.")
    doubts: list[RequestRemark] = column("Why there are alternatives: at most 10.")
    alternatives: list[RequestReading] = column(
        "The ways to read date and start, to choose from: at most 12."
    )


# Reading the longest text takes 20 ms.
_COST = Cost(5)


@extends(Venue)
class VenueBookingRequests:
    parse_booking_request: ParsedBookingRequest | None = computed(
        booking_requests.parse_booking_request_publicly, cost=_COST
    )


@strawberry.type
class BookingRequestQueries:
    parse_booking_request: ParsedBookingRequest | None = query(
        booking_requests.parse_booking_request, requires=P.AVAILABILITY_READ, cost=_COST
    )
