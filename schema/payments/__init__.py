"""The API of payments: money for bookings."""

from typing import Final

import models
from resolvers.payments.booking_hooks import BOOKING_HANDLERS
from schema.core.areas import Area
from schema.payments.moves import MoveMutations
from schema.payments.payment_settings import PaymentSettingsMutations
from schema.payments.refunds import RefundMutations
from schema.payments.settlement import settle
from schema.payments.swaps import SwapMutations
from schema.payments.type_extensions import (
    BookingPayments,
    CancelBookingRefund,
    CancelGuestBookingRefund,
    CustomerSpending,
    GuestBookingPayments,
    TenantPayments,
    VenuePayments,
)
from schema.payments.undo import UndoMutations, UndoTooLateError
from schema.payments.waivers import WaiverMutations

AREA: Final = Area(
    mutations=(
        PaymentSettingsMutations,
        RefundMutations,
        WaiverMutations,
        MoveMutations,
        UndoMutations,
        SwapMutations,
    ),
    types=(UndoTooLateError,),
    extensions=(
        TenantPayments,
        VenuePayments,
        BookingPayments,
        CustomerSpending,
        GuestBookingPayments,
        CancelBookingRefund,
        CancelGuestBookingRefund,
    ),
    handlers=BOOKING_HANDLERS,
    follow_ups=((models.Booking, settle),),
)
