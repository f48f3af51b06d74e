"""The jobs of a process: handlers by name, retries, and periodic work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from jobs.articles import embed_article, find_articles_to_embed
from jobs.due_bookings import BOOKING_JOBS, find_deadlines, find_past_bookings
from jobs.event_handlers import EVENT_HANDLERS, jobs_of
from jobs.event_reader import EventReader, Follower
from jobs.expire_holds import expire_holds
from jobs.exports import EXPORT_SECONDS, make_export, purge_exports
from jobs.forecasts import find_old_forecasts, refit_forecasts
from jobs.gateway_events import handle_event
from jobs.imports import IMPORT_SECONDS, purge_imports, run_import, undo_import
from jobs.mail import admit_letter, send_guest_link, send_mail, send_password_reset
from jobs.notifications import NOTIFICATION_JOBS, find_due_notices
from jobs.platform_days import add_up_platform_days
from jobs.purge import purge_expired
from jobs.rollups import RollupReader
from jobs.settle_payments import settle
from jobs.sync_billing import sync_all_billing, sync_billing
from jobs.tickets import find_due_tickets, look_after_ticket
from jobs.unhandled import EVENT_PREFIX, report_unhandled
from jobs.waitlist import offer_free_time, tend_waitlists
from jobs.webhook_reader import WEBHOOKS
from jobs.webhook_secrets import renew_webhook_secrets
from kit.jobs.worker import Handler, Retries, Worker
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.supervisor import Service
from models.analytics.exports import EXPORT_JOB
from models.analytics.forecasts import FORECAST_JOB
from models.imports.imports import IMPORT_JOB, UNDO_JOB
from models.payments.gateway_events import EVENT_JOB
from models.support.articles import EMBED_JOB
from resolvers.accounts.outgoing_mail import LETTER_JOB, MAIL_JOB, SECURITY_MAIL_JOB
from resolvers.billing.subscription_sync import SYNC
from resolvers.bookings.guest_links import REQUEST_JOB
from resolvers.bookings.waitlist_offers import OFFER_JOB
from resolvers.notifications.deliveries import DELIVERY_JOB
from resolvers.payments.payments import SETTLE
from resolvers.support.due_tickets import TICKET_JOB

HOLDS_SECONDS: Final = 1.0
DEADLINES_SECONDS: Final = 5.0
PAST_BOOKINGS_SECONDS: Final = 60.0
WAITLIST_SECONDS: Final = 60.0
DUE_NOTICES_SECONDS: Final = 30.0
TICKETS_SECONDS: Final = 30.0
PLATFORM_DAYS_SECONDS: Final = 15.0
BILLING_SECONDS: Final = 600.0
ARTICLES_SECONDS: Final = 600.0
FORECASTS_SECONDS: Final = 600.0
HOUSEKEEPING_SECONDS: Final = 3600.0
FIRST_HOUSEKEEPING_SECONDS: Final = 60.0
"""How long after its start a worker deletes expired data first: clients come back before."""

HANDLERS: Final[Mapping[str, Handler]] = {
    FORECAST_JOB: refit_forecasts,
    LETTER_JOB: admit_letter,
    MAIL_JOB: send_mail,
    SECURITY_MAIL_JOB: send_mail,
    "password_reset": send_password_reset,
    REQUEST_JOB: send_guest_link,
    EVENT_JOB: handle_event,
    EMBED_JOB: embed_article,
    EXPORT_JOB: make_export,
    IMPORT_JOB: run_import,
    UNDO_JOB: undo_import,
    OFFER_JOB: offer_free_time,
    SETTLE: settle,
    SYNC: sync_billing,
    TICKET_JOB: look_after_ticket,
    **BOOKING_JOBS,
    **NOTIFICATION_JOBS,
    **jobs_of(EVENT_HANDLERS),
}
"""The handler of each job, by name."""

FOLLOWERS: Final[Sequence[Follower]] = (*EVENT_HANDLERS, WEBHOOKS)
"""Those for whom the log is read, each with a position of its own."""

HANDLED: Final = HANDLERS.keys() | {f"{EVENT_PREFIX}{each.name}" for each in FOLLOWERS}
"""The names that this version knows; others' jobs and positions can be forgotten."""

LONG_JOBS: Final = frozenset({EXPORT_JOB, IMPORT_JOB, UNDO_JOB})
"""Jobs that may take long: a process runs one of them at a time, beside all others."""
LONG_JOB_SECONDS: Final = max(EXPORT_SECONDS, IMPORT_SECONDS) + 60

RETRIES: Final[Mapping[str, Retries]] = {
    # For about an hour: codes in mails aren't valid for longer.
    MAIL_JOB: Retries(attempts=12, first_seconds=5),
    SECURITY_MAIL_JOB: Retries(attempts=12, first_seconds=5),
    # For about 12 hours: a gateway may be unavailable for long.
    EVENT_JOB: Retries(attempts=60),
    # For days: only a database that is away fails these jobs, and an export must end some time.
    EXPORT_JOB: Retries(attempts=1_000),
    IMPORT_JOB: Retries(attempts=1_000),
    UNDO_JOB: Retries(attempts=1_000),
    # For more than a day: gateways store results under a key, failures too, for a day.
    SETTLE: Retries(attempts=160),
}
"""The retries of jobs that differ from the default."""


def worker_services(
    runtime: Runtime,
    relay: Database,
    readers: Sequence[EventReader],
    rollups: RollupReader,
    *,
    url: str,
) -> Mapping[str, Service]:
    """Returns the services of a worker, by name.

    ``url`` is the relay's, for the worker's own connection.
    """
    short = {name: handler for name, handler in HANDLERS.items() if name not in LONG_JOBS}
    worker = Worker(url, runtime, short, retries=RETRIES, yielding=[MAIL_JOB, DELIVERY_JOB])
    long_worker = Worker(
        url,
        runtime,
        {name: HANDLERS[name] for name in LONG_JOBS},
        retries=RETRIES,
        max_concurrent=1,
        job_seconds=LONG_JOB_SECONDS,
    )
    holds = partial(expire_holds, runtime, relay)
    deadlines = partial(find_deadlines, runtime, relay)
    past = partial(find_past_bookings, runtime, relay)
    billing = partial(sync_all_billing, runtime, relay)
    articles = partial(find_articles_to_embed, runtime, relay)
    forecasts = partial(find_old_forecasts, runtime, relay)
    platform = partial(add_up_platform_days, relay)
    old = partial(purge_expired, runtime, relay)
    waitlists = partial(tend_waitlists, runtime, relay)
    notices = partial(find_due_notices, runtime, relay)
    tickets = partial(find_due_tickets, runtime, relay)
    expired = partial(purge_exports, runtime, relay)
    unused = partial(purge_imports, runtime, relay)
    secrets = partial(renew_webhook_secrets, runtime, relay)
    unhandled = partial(report_unhandled, relay, HANDLED)
    return {
        "jobs": worker.run,
        "long_jobs": long_worker.run,
        "holds": partial(_every, HOLDS_SECONDS, holds),
        "deadlines": partial(_every, DEADLINES_SECONDS, deadlines, first=DEADLINES_SECONDS),
        "past_bookings": partial(_every, PAST_BOOKINGS_SECONDS, past, first=PAST_BOOKINGS_SECONDS),
        "waitlists": partial(_every, WAITLIST_SECONDS, waitlists, first=WAITLIST_SECONDS),
        "due_notices": partial(_every, DUE_NOTICES_SECONDS, notices, first=DUE_NOTICES_SECONDS),
        "tickets": partial(_every, TICKETS_SECONDS, tickets, first=TICKETS_SECONDS),
        "billing": partial(_every, BILLING_SECONDS, billing, first=BILLING_SECONDS),
        "articles": partial(_every, ARTICLES_SECONDS, articles, first=FIRST_HOUSEKEEPING_SECONDS),
        "forecasts": partial(_every, FORECASTS_SECONDS, forecasts, first=FORECASTS_SECONDS),
        "platform_days": partial(
            _every, PLATFORM_DAYS_SECONDS, platform, first=PLATFORM_DAYS_SECONDS
        ),
        "housekeeping": partial(
            _every, HOUSEKEEPING_SECONDS, old, first=FIRST_HOUSEKEEPING_SECONDS
        ),
        "expired_exports": partial(
            _every, HOUSEKEEPING_SECONDS, expired, first=FIRST_HOUSEKEEPING_SECONDS
        ),
        "expired_imports": partial(
            _every, HOUSEKEEPING_SECONDS, unused, first=FIRST_HOUSEKEEPING_SECONDS
        ),
        "webhook_secrets": partial(
            _every, HOUSEKEEPING_SECONDS, secrets, first=FIRST_HOUSEKEEPING_SECONDS
        ),
        "unhandled_jobs": partial(
            _every, HOUSEKEEPING_SECONDS, unhandled, first=FIRST_HOUSEKEEPING_SECONDS
        ),
        **{f"events_{reader.name}": reader.run for reader in readers},
        "rollups": partial(rollups.run, runtime),
    }


async def _every(seconds: float, work: Callable[[], Awaitable[None]], *, first: float = 0) -> None:
    await asyncio.sleep(first)
    while True:
        await work()
        await asyncio.sleep(seconds)
