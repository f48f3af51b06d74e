"""Merges of customers."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType as E
from domain.customers.refusals import AlreadyMerged
from permissions.roles import P
from resolvers.bookings import customer_merges
from schema.core.fields import column, computed, extends, value
from schema.core.inputs import input_type
from schema.core.mutations import mutation, payload, unless_refused
from schema.core.user_errors import UserError, shows
from schema.customers.customers import Customer

input_type(
    customer_merges.CustomerVersions,
    "The versions of two customers that are to be merged.",
    name="CustomerVersionsInput",
    keep="The version of the customer to keep.",
    merge="The version of the customer to merge into it.",
)


@value(models.CustomerMerge)
class CustomerMerge:
    """A merge of another customer into this one, which can still be undone."""

    name: str = column("The name of the customer that was merged.")
    merged_at: datetime = column("When the customers were merged.")
    undoable_until: datetime = column("Until when `undoMerge` can undo it: a day after the merge.")


@extends(Customer, after="stats")
class CustomerMerges:
    undoable_merge: CustomerMerge | None = computed(
        customer_merges.undoable_merge, requires=P.CUSTOMERS_WRITE
    )


@shows(AlreadyMerged)
class AlreadyMergedError(UserError):
    """The customer was merged into another one already."""

    kept: Customer = column("The customer that was kept.")


@payload
class MergeCustomersPayload:
    """The result of `mergeCustomers`."""

    customer: Customer | None


@payload
class UndoMergePayload:
    """The result of `undoMerge`."""

    customer: Customer | None
    restored: Customer | None = column(unless_refused("The customer that was merged before"))


@strawberry.type
class CustomerMergeMutations:
    merge_customers: MergeCustomersPayload | None = mutation(
        customer_merges.merge_customers,
        requires=P.CUSTOMERS_WRITE,
        finds_by=P.CUSTOMERS_READ,
        emits=[E.CUSTOMERS_MERGED, E.BOOKING_UPDATED],
        wrapped=False,
        dry_run=True,
    )
    undo_merge: UndoMergePayload | None = mutation(
        customer_merges.undo_merge,
        requires=P.CUSTOMERS_WRITE,
        finds_by=P.CUSTOMERS_READ,
        needs=P.BOOKINGS_WRITE,
        emits=[E.CUSTOMER_MERGE_UNDONE, E.BOOKING_UPDATED],
        wrapped=False,
        dry_run=True,
    )
