"""The API of bookings: times that are booked, held and free."""

from typing import Final

from resolvers.bookings.seats import ROOM_HANDLERS
from resolvers.bookings.waitlist_events import WAITLIST_HANDLERS
from schema.bookings.availability import AvailabilityQueries
from schema.bookings.booking_errors import (
    BookingsDontFitError,
    ChangeTooLateError,
    CheckInNotOpenError,
    SlotConflictError,
    SlotUnavailableError,
)
from schema.bookings.bookings import BookingMutations, BookingQueries
from schema.bookings.calendar_feeds import CalendarFeedMutations, CalendarFeedQueries
from schema.bookings.coupons import (
    BookingCoupon,
    CouponError,
    CouponMutations,
    CouponQueries,
    QuoteCoupon,
)
from schema.bookings.customer_merges import (
    AlreadyMergedError,
    CustomerMergeMutations,
    CustomerMerges,
)
from schema.bookings.customer_stats import CustomerFigures
from schema.bookings.guest_bookings import GuestMutations, GuestProofError, GuestQueries
from schema.bookings.price_rules import PriceRuleMutations, PriceRuleQueries, TenantTaxes
from schema.bookings.public_venue import VenueQueries
from schema.bookings.quotas import QuotaMutations, QuotaQueries
from schema.bookings.quotes import QuoteQueries
from schema.bookings.recurrence import RecurrenceQueries
from schema.bookings.room_parts import (
    RoomPartsConflictError,
    RoomPartsMutations,
    RoomWithParts,
)
from schema.bookings.series import (
    BookingInSeries,
    CreatedSeries,
    SeriesConflictError,
    SeriesMutations,
    SeriesQueries,
)
from schema.bookings.subscriptions import AvailabilitySubscriptions, BookingSubscriptions
from schema.bookings.type_extensions import CustomerBookings, RoomBookings
from schema.bookings.waitlist import WaitlistMutations, WaitlistQueries
from schema.core.areas import Area

AREA: Final = Area(
    queries=(
        BookingQueries,
        SeriesQueries,
        AvailabilityQueries,
        RecurrenceQueries,
        QuotaQueries,
        PriceRuleQueries,
        QuoteQueries,
        CouponQueries,
        CalendarFeedQueries,
        VenueQueries,
        GuestQueries,
        WaitlistQueries,
    ),
    mutations=(
        CustomerMergeMutations,
        BookingMutations,
        SeriesMutations,
        QuotaMutations,
        PriceRuleMutations,
        CouponMutations,
        CalendarFeedMutations,
        RoomPartsMutations,
        GuestMutations,
        WaitlistMutations,
    ),
    subscriptions=(BookingSubscriptions, AvailabilitySubscriptions),
    types=(
        AlreadyMergedError,
        SlotConflictError,
        BookingsDontFitError,
        SlotUnavailableError,
        SeriesConflictError,
        RoomPartsConflictError,
        ChangeTooLateError,
        CheckInNotOpenError,
        CouponError,
        GuestProofError,
    ),
    handlers={**ROOM_HANDLERS, **WAITLIST_HANDLERS},
    extensions=(
        TenantTaxes,
        CustomerFigures,
        CustomerMerges,
        RoomBookings,
        RoomWithParts,
        CustomerBookings,
        BookingInSeries,
        CreatedSeries,
        BookingCoupon,
        QuoteCoupon,
    ),
)
