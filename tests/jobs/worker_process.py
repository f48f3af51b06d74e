"""A worker to be killed: the product's jobs and handlers of events.

One that is silent for a second is taken for dead, so that a test need not wait half a minute. A
second handler gets the same events as the product's.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from app import build_app
from domain.core.log_events import LoggedEvent
from jobs.event_handlers import EVENT_HANDLERS, EventHandler, jobs_of
from jobs.event_reader import EventReader
from jobs.registry import HANDLERS, RETRIES
from jobs.rollups import RollupReader
from jobs.webhook_reader import WebhookReader
from jobs.webhook_sender import WebhookSender
from kit.clock import system_clock
from kit.events.notify_bus import Bus
from kit.jobs.worker import Worker
from kit.postgres.database import Database
from kit.scope import Scope
from kit.settings import load_settings
from kit.supervisor import supervise
from resolvers.accounts.outgoing_mail import LETTER_JOB
from resolvers.accounts.security_notices import NOTIFIED_OF

STALLED: Final = timedelta(seconds=1)
WEBHOOKS_HELD: Final = timedelta(seconds=2)


async def _note(scope: Scope, event: LoggedEvent) -> None:
    scope.enqueue("noted", {"subject_id": str(event.subject_id)})


EVERY_HANDLER: Final = (*EVENT_HANDLERS, EventHandler("second", NOTIFIED_OF, _note))
NOTIFYING: Final = [each for each in EVERY_HANDLER if each.event_types == NOTIFIED_OF]
"""Those that get the same events."""


def work(environment: Mapping[str, str], output: Path) -> None:
    """Works until killed; ``environment`` names the databases."""
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    os.environ.update(environment)
    asyncio.run(_work())


async def _work() -> None:
    settings = load_settings()
    url = settings.relay_database_url
    assert url is not None
    runtime = build_app(settings, with_graphiql=False).state.runtime
    relay = Database(url.sqlalchemy)
    readers = [
        EventReader(relay, each, clock=system_clock, notify_jobs=lambda: None)
        for each in EVERY_HANDLER
    ]

    rollups = RollupReader(relay)
    sender = WebhookSender(relay, runtime, hold=WEBHOOKS_HELD)
    webhooks = WebhookReader(relay, clock=system_clock, wake=sender.wake)

    def log_has_grown(tenant_ids: frozenset[UUID] | None) -> None:
        for reader in readers:
            reader.notify(tenant_ids)
        rollups.notify(tenant_ids)
        webhooks.notify(tenant_ids)

    # Letters stay in the queue, to be counted.
    handlers = {**HANDLERS, **jobs_of(EVERY_HANDLER)}
    del handlers[LETTER_JOB]
    worker = Worker(url, runtime, handlers, retries=RETRIES, stalled=STALLED)
    services = {reader.name: reader.run for reader in (*readers, webhooks)}
    services["sender"] = sender.run
    bus = Bus(url, on_notify=log_has_grown)
    counting = partial(rollups.run, runtime)
    async with supervise(worker=worker.run, bus=bus.run, rollups=counting, **services):
        await asyncio.Event().wait()
