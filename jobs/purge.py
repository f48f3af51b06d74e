"""Deletes data after its retention period."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import CursorResult
from sqlalchemy.sql.dml import UpdateBase

from domain.assistant.conversations import KEPT_FOR as KEPT_FOR_CONVERSATIONS
from domain.bookings.strangers import A_DAY
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.accounts.sessions import mailed_tokens_before, refresh_tokens_before, sessions_before
from models.analytics.behaviour import tracked_keys_before
from models.assistant.conversations import conversations_before
from models.audit.log import origins_before
from models.bookings.strangers import origins_forgotten
from models.core.allowances import spent_allowances_before
from models.core.idempotency import results_before
from models.core.job_queue import history_before
from models.customers.merges import merges_forgotten
from models.notifications.deliveries import deliveries_before as notifications_before
from models.notifications.inbox import entries_before
from models.payments.gateway_events import webhook_events_before
from models.support.tickets import messages_before
from models.webhooks.deliveries import deliveries_before
from resolvers.accounts.sessions import REFRESH_TOKEN_LIFETIME
from resolvers.core.transactions import KEPT_FOR
from resolvers.webhooks.deliveries import KEPT_FOR as KEPT_FOR_REPLAYS

ORIGINS_KEPT_FOR: Final = timedelta(days=90)
LOGINS_KEPT_FOR: Final = timedelta(days=30)
"""Retention after the last use of a session, and after the expiry of a mailed secret."""
JOBS_KEPT_FOR: Final = timedelta(days=7)
"""Retention of the results of jobs."""
EVENTS_KEPT_FOR: Final = timedelta(days=90)
"""Retention of gateway events: gateways retry for days, and show their events for 30."""
INBOX_KEPT_FOR: Final = timedelta(days=90)
"""Retention of the entries of inboxes, read or not."""
NOTIFICATIONS_KEPT_FOR: Final = timedelta(days=90)
"""Retention of what became of notifications."""
TICKETS_KEPT_FOR: Final = timedelta(days=730)
"""Retention of the messages of tickets, from when these are closed."""
BATCH: Final = 1_000

log = structlog.get_logger(__name__)


async def purge_expired(runtime: Runtime, relay: Database) -> None:
    """Deletes expired data of every tenant.

    Results of idempotency keys, the origins of changes, and expired sessions, tokens and links.
    """
    now = runtime.clock()
    cutoff = now - LOGINS_KEPT_FOR
    issued = cutoff + REFRESH_TOKEN_LIFETIME
    results = await delete_in_batches(relay, partial(results_before, now - KEPT_FOR))
    origins = await delete_in_batches(relay, partial(origins_before, now - ORIGINS_KEPT_FOR))
    mailed = await delete_in_batches(relay, partial(mailed_tokens_before, cutoff))
    # A session is deleted after the last of its tokens.
    tokens = await delete_in_batches(relay, partial(refresh_tokens_before, issued))
    sessions = await delete_in_batches(relay, partial(sessions_before, cutoff))
    jobs = await delete_in_batches(relay, partial(history_before, now - JOBS_KEPT_FOR))
    events = await delete_in_batches(relay, partial(webhook_events_before, now - EVENTS_KEPT_FOR))
    strangers = await delete_in_batches(relay, partial(origins_forgotten, now - A_DAY))
    tracked = await delete_in_batches(relay, partial(tracked_keys_before, now - A_DAY))
    spent = await delete_in_batches(relay, partial(spent_allowances_before, now))
    notifications = await delete_in_batches(
        relay, partial(notifications_before, now - NOTIFICATIONS_KEPT_FOR)
    )
    merges = await delete_in_batches(relay, partial(merges_forgotten, now))
    webhooks = await delete_in_batches(relay, partial(deliveries_before, now - KEPT_FOR_REPLAYS))
    tickets = await delete_in_batches(relay, partial(messages_before, now - TICKETS_KEPT_FOR))
    inboxes = await delete_in_batches(relay, partial(entries_before, now - INBOX_KEPT_FOR))
    conversations = await delete_in_batches(
        relay, partial(conversations_before, now - KEPT_FOR_CONVERSATIONS)
    )
    log.info(
        "housekeeping.done",
        results=results,
        origins=origins,
        mailed_tokens=mailed,
        refresh_tokens=tokens,
        sessions=sessions,
        jobs=jobs,
        webhook_events=events,
        spent_allowances=spent,
        tracked_keys=tracked,
        strangers=strangers,
        merges=merges,
        webhook_deliveries=webhooks,
        inboxes=inboxes,
        ticket_messages=tickets,
        conversations=conversations,
        notifications=notifications,
    )


async def delete_in_batches(relay: Database, batch: Callable[..., UpdateBase]) -> int:
    """Deletes or clears rows by a statement that takes a ``limit``, until none is left.

    Each batch is a short transaction: a long one would delay live events.
    """
    total = 0
    while True:
        async with relay.session(writes=True) as session, session.begin():
            deleted = await session.execute(batch(limit=BATCH))
        assert isinstance(deleted, CursorResult)
        total += deleted.rowcount
        if deleted.rowcount < BATCH:
            return total
