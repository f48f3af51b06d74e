"""Coupons: codes that lower the price of bookings."""

from datetime import date, datetime

import strawberry

import models
from domain.bookings.coupons import CouponNotApplicable, CouponProblem, DiscountChoice
from domain.core.log_events import EventType
from models.bookings.coupon_uses import code_used, used
from models.bookings.coupons import amount_off
from permissions.roles import P
from resolvers.bookings import coupon_fields, coupons
from schema.bookings.bookings import Booking
from schema.bookings.quotes import Quote
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, extends, node, related, value
from schema.core.inputs import input_type
from schema.core.money import Money
from schema.core.mutations import mutation, payload
from schema.core.user_errors import UserError, shows
from schema.venue.rooms import Room

describe(
    CouponProblem,
    "Why a coupon can't be used for a booking. Expect values to be added.",
    NOT_YET_VALID="The coupon isn't valid yet; see `validFrom`.",
    EXPIRED="The coupon isn't valid any more; see `validUntil`.",
    OTHER_DATE="The coupon is for bookings on other dates; see `firstDate` and `lastDate`.",
    OTHER_ROOM="The coupon is for other rooms.",
    NO_PRICE="The room has no price.",
    FIRST_BOOKING_ONLY="The coupon is for customers without other bookings.",
    USED_UP_BY_CUSTOMER="The customer has used the coupon `useLimit` times.",
    USED_UP="The coupon was used `useLimit` times.",
    UNKNOWN="There is no such coupon. Only in quotes; mutations are refused with NOT_FOUND.",
)
input_type(
    DiscountChoice,
    "What a coupon takes off the price of a booking; at most all of it.",
    name="CouponDiscountInput",
    one_of=True,
    amount="An amount in the venue's currency.",
    percent="A percentage of the price before taxes that are added to it: 1 to 100.",
    free_minutes="The price of the first minutes that are charged by the hour: 1 to 44,700.",
)


@node(models.Coupon, visible=coupons.visible_coupons, requires=P.BOOKINGS_MANAGE)
class Coupon(Node):
    """A code that lowers the price of bookings, by exactly one of `amount`, `percent` and
    `freeMinutes`.
    """

    code: str = column("The code, in upper case. Customers can enter it in lower case too.")
    amount: Money | None = column("The amount that it takes off, or null.", sql=amount_off)
    percent: int | None = column("The percentage that it takes off, or null.")
    free_minutes: int | None = column("How many minutes it makes free, or null.")
    valid_from: datetime | None = column("When it becomes valid, or null if it is at once.")
    valid_until: datetime | None = column("When it stops being valid, or null if it never does.")
    first_date: date | None = column(
        "The first local date on which bookings with it can start, or null."
    )
    last_date: date | None = column(
        "The last local date on which bookings with it can start, or null."
    )
    rooms: list[Room] | None = computed(coupon_fields.rooms_of, requires=P.ROOMS_READ)
    first_booking_only: bool = column("Whether only customers without other bookings can use it.")
    total_limit: int | None = column("How many bookings can use it, or null without a limit.")
    per_customer_limit: int | None = column(
        "How many bookings of one customer can use it, or null without a limit."
    )
    use_count: int = computed(coupon_fields.use_count, sql=used)
    archived_at: datetime | None = column("When it was archived, or null if it wasn't.")
    version: int = column(
        "The version of the coupon. It increases with every change; pass it to mutations that "
        "change the coupon."
    )
    created_at: datetime = column("When the coupon was created.")


@extends(Booking, after="price")
class BookingCoupon:
    coupon: Coupon | None = related(
        "The coupon that lowers the price, or null if there is none.", requires=P.BOOKINGS_MANAGE
    )
    coupon_code: str | None = computed(coupon_fields.code_of, requires=P.PRICES_READ, sql=code_used)


@value(coupons.QuotedCoupon)
class QuotedCoupon:
    """A coupon as a quote takes it into account."""

    code: str = column("The code, in upper case.")
    problem: CouponProblem | None = column(
        "Why the coupon can't be used, or null if the price is lowered by it."
    )
    message: str | None = column("The problem in English, for a person; null if there is none.")


@extends(Quote)
class QuoteCoupon:
    coupon: QuotedCoupon | None = column("The coupon, or null if none was given.")


@shows(CouponNotApplicable)
class CouponError(UserError):
    """A coupon can't be used for the booking."""

    problem: CouponProblem = column("Why it can't be used.")
    valid_from: datetime | None = column("When the coupon becomes valid, or null.")
    valid_until: datetime | None = column("When the coupon stops being valid, or null.")
    first_date: date | None = column("The first local date of bookings that it is for, or null.")
    last_date: date | None = column("The last local date of bookings that it is for, or null.")
    use_limit: int | None = column("The number of uses that is reached, or null.")


@strawberry.type
class CouponQueries:
    coupons: Connection[Coupon] | None = connection(coupons.coupons, requires=P.BOOKINGS_MANAGE)


@payload
class CreateCouponPayload:
    """The result of `createCoupon`."""

    coupon: Coupon | None


@payload
class UpdateCouponPayload:
    """The result of `updateCoupon`."""

    coupon: Coupon | None


@payload
class ArchiveCouponPayload:
    """The result of `archiveCoupon`."""

    coupon: Coupon | None


@strawberry.type
class CouponMutations:
    create_coupon: CreateCouponPayload | None = mutation(
        coupons.create_coupon, requires=P.ROOMS_WRITE, emits=[EventType.COUPON_CREATED]
    )
    update_coupon: UpdateCouponPayload | None = mutation(
        coupons.update_coupon, requires=P.ROOMS_WRITE, emits=[EventType.COUPON_UPDATED]
    )
    archive_coupon: ArchiveCouponPayload | None = mutation(
        coupons.archive_coupon, requires=P.ROOMS_WRITE, emits=[EventType.COUPON_ARCHIVED]
    )
