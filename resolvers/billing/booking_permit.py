"""Refuses new bookings of tenants whose plan isn't paid."""

from collections.abc import Sequence
from typing import Any, Final

from domain.billing.plan_subscriptions import refuses_bookings_from, takes_bookings
from domain.core.refusals import Code, Refusal, WithoutDetails
from domain.tenants.refusals import SubscriptionInactive
from integrations.billing.protocol import Billing
from kit.scope import Scope
from models.billing import SUBSCRIPTIONS, billing_of
from permissions.policy import may
from permissions.roles import P
from resolvers.bookings.hooks import BookingPermit


async def _refusals(scope: Scope) -> list[Refusal]:
    """Returns the refusal of new bookings under an unpaid plan; none without billing.

    Only the venue's team sees since when.
    """
    billing = scope.service(Billing)  # type: ignore[type-abstract]
    if not billing.is_enforced:
        return []
    row = await scope.one(billing_of(scope.tenant_id, billing.name))
    since = refuses_bookings_from(row.value) if row is not None else None
    if row is None or since is None or scope.now() < since:
        return []
    if may(scope.actor, P.BOOKINGS_MANAGE):
        return [SubscriptionInactive(row.status, since)]
    text = "The venue takes no new bookings at the moment."
    return [WithoutDetails(Code.SUBSCRIPTION_INACTIVE, text)]


def _is_given(scope: Scope, subscriptions: Sequence[Any]) -> bool:
    """Returns whether the tenant's subscriptions refuse no new bookings."""
    billing = scope.service(Billing)  # type: ignore[type-abstract]
    return not billing.is_enforced or all(
        takes_bookings(each.value, now=scope.now())
        for each in subscriptions
        if each.gateway == billing.name
    )


BOOKING_PERMIT: Final = BookingPermit(refusals=_refusals, facts=SUBSCRIPTIONS, is_given=_is_given)
