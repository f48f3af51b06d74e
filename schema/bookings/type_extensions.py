"""Bookings of the types of earlier areas."""

import models
from permissions.roles import P
from resolvers.bookings import reading
from schema.bookings.bookings import BookingConnection
from schema.core.connections import connection
from schema.core.fields import extends
from schema.customers.customers import Customer
from schema.venue.rooms import Room


@extends(Room)
class RoomBookings:
    bookings: BookingConnection = connection(
        reading.bookings_now,
        "The bookings of the room. Those of several rooms are listed with the first one.",
        under=models.Booking.room_id,
    )


@extends(Customer)
class CustomerBookings:
    bookings: BookingConnection | None = connection(
        reading.bookings_now,
        "The bookings of the customer.",
        requires=P.BOOKINGS_READ,
        under=models.Booking.customer_id,
    )
