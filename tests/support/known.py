"""Executes operations in advance, so that measurements exclude the cost of new ones."""

from collections.abc import Sequence

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import make_venue

MINUTES = 5


async def make_known(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    documents: Sequence[str],
    *,
    plans: Sequence[PlanCode] = (PlanCode.STARTER,),
) -> None:
    """Sends all operations some minutes ago as all kinds of callers; buckets are full again."""
    clock.advance(minutes=-MINUTES)
    for plan in plans:
        venue = await make_venue(runtime, plan=plan)
        for document in documents:
            for caller in (venue.owner, venue.staff, venue.guest):
                await api(document, token=caller.token)
    for document in documents:
        await api(document)
    clock.advance(minutes=MINUTES)
