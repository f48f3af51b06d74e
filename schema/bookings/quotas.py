"""Quotas: how much one customer may book."""

from datetime import datetime

import strawberry

import models
from domain.bookings.quotas import QuotaMeasure, QuotaPeriod
from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.bookings import quotas
from schema.core.enums import describe
from schema.core.fields import Node, column, node, query
from schema.core.mutations import deleted_id, mutation, payload
from schema.venue.hours import UNPAGED_COST

describe(
    QuotaMeasure,
    "What a quota counts.",
    BOOKINGS="Bookings that start in the period, unless they are cancelled, rejected or expired. "
    "Holds count while they last.",
    MINUTES="The durations of these bookings, with all of their minutes.",
    OPEN_HOLDS="Holds that are open at the same time. `maxOpenHolds` of the venue's settings "
    "applies besides.",
)
describe(
    QuotaPeriod,
    "The time in which a quota counts, in the venue's time zone.",
    DAY="A date, from midnight to midnight.",
    WEEK="A week, from Monday on.",
    MONTH="A calendar month.",
)


@node(models.BookingQuota, visible=quotas.visible_quotas, requires=P.BOOKINGS_MANAGE)
class BookingQuota(Node):
    """A limit on what each customer can book. The venue's team isn't limited by it."""

    measure: QuotaMeasure = column("What is counted.")
    period: QuotaPeriod | None = column(
        "The time in which it is counted, or null for holds, which are counted at any time."
    )
    limit: int = column("The most that a customer can have: of bookings, minutes or holds.")
    tag: str | None = column(
        "The tag of the customers for whom it holds, or null if it holds for all of them.",
        requires=P.CUSTOMERS_NOTES,
    )
    version: int = column(
        "The version of the quota. It increases with every change; pass it to `updateQuota`."
    )
    created_at: datetime = column("When the quota was created.")


@strawberry.type
class QuotaQueries:
    quotas: list[BookingQuota] | None = query(
        quotas.quotas, requires=P.BOOKINGS_MANAGE, cost=UNPAGED_COST
    )


@payload
class CreateQuotaPayload:
    """The result of `createQuota`."""

    quota: BookingQuota | None


@payload
class UpdateQuotaPayload:
    """The result of `updateQuota`."""

    quota: BookingQuota | None


@payload
class DeleteQuotaPayload:
    """The result of `deleteQuota`."""

    deleted_id: strawberry.ID | None = deleted_id("BookingQuota")


@strawberry.type
class QuotaMutations:
    create_quota: CreateQuotaPayload | None = mutation(
        quotas.create_quota, requires=P.TENANT_WRITE, emits=[EventType.QUOTA_CREATED]
    )
    update_quota: UpdateQuotaPayload | None = mutation(
        quotas.update_quota, requires=P.TENANT_WRITE, emits=[EventType.QUOTA_UPDATED]
    )
    delete_quota: DeleteQuotaPayload | None = mutation(
        quotas.delete_quota, requires=P.TENANT_WRITE, emits=[EventType.QUOTA_DELETED]
    )
