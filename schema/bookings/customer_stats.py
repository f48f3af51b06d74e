"""Figures of customers."""

from datetime import datetime

import models.bookings.customer_stats
from permissions.roles import P
from resolvers.bookings import customer_stats
from schema.core.fields import column, computed, extends, value
from schema.customers.customers import Customer


@value(models.bookings.customer_stats.CustomerStats)
class CustomerStats:
    """The figures of a customer's bookings."""

    visits: int = column("How many bookings the customer came to: CHECKED_IN and COMPLETED.")
    no_shows: int = column("How many bookings the customer missed: NO_SHOW.")
    last_visit_at: datetime | None = column(
        "When the latest of the visits began. Null if there was none."
    )


@extends(Customer, after="tags")
class CustomerFigures:
    stats: CustomerStats | None = computed(customer_stats.stats, requires=P.BOOKINGS_READ)
