"""The composition root: builds the app from the settings."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, cast
from uuid import UUID

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import Route, WebSocketRoute

from execution.caller_rate_limit import RateLimiter
from execution.concurrency_limits import ConcurrencyLimits
from execution.metrics import Metrics
from execution.operations import Operations
from execution.stored_queries import StoredQueries
from integrations.assistant.factory import embeddings_of, language_model_of
from integrations.assistant.protocol import Embeddings, LanguageModel
from integrations.billing.factory import billing_of
from integrations.billing.protocol import Billing
from integrations.human_proof.factory import human_proof_of
from integrations.human_proof.one_time import OneTimeProofs
from integrations.human_proof.protocol import HumanProof
from integrations.mail.factory import mail_of
from integrations.mail.protocol import Mail
from integrations.outbound.client import Outbound
from integrations.outbox import Outbox
from integrations.payments.factory import gateway_of
from integrations.payments.local import LocalGateway
from integrations.payments.protocol import Gateway
from integrations.push.factory import push_of
from integrations.push.protocol import Push
from integrations.sms.factory import sms_of
from integrations.sms.protocol import Sms
from integrations.storage.objects import Storage
from jobs.event_handlers import EVENT_HANDLERS
from jobs.event_reader import EventReader, find_oldest
from jobs.registry import FOLLOWERS, worker_services
from jobs.rollups import RollupReader, find_oldest_uncounted
from jobs.webhook_reader import WebhookReader
from jobs.webhook_sender import CONNECTIONS as WEBHOOK_CONNECTIONS
from jobs.webhook_sender import WebhookSender
from kit.background_tasks import BackgroundTasks
from kit.clock import Clock, system_clock
from kit.events.handler_gauge import HandlerGauge
from kit.events.log_relay import LogStatements, Relay
from kit.events.notify_bus import Bus
from kit.events.rollup_gauge import RollupGauge
from kit.gc_tuning import freeze_gc
from kit.jobs.notifier import JobNotifier
from kit.jobs.queue_gauge import QueueGauge
from kit.logging import configure_logging
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.security.allowances import Allowances, SpentStatements
from kit.security.authenticator import Authenticator
from kit.security.encryption import Cipher
from kit.security.event_counts import SecurityCounts
from kit.security.login_throttle import LoginThrottle
from kit.security.network_addresses import Networks
from kit.security.passwords import Passwords
from kit.security.refusal_delay import RefusalDelay
from kit.security.reply_addresses import ReplyAddresses
from kit.security.tokens import Downloads, Links, RecipientLinks, TicketLinks, Tokens, Uploads
from kit.settings import Settings, SettingsError, load_settings
from kit.supervisor import Service, supervise
from models.audit import log
from models.core import allowances, job_queue
from resolvers.accounts.authentication import actor_finder
from resolvers.analytics.behaviour import EventLimits
from resolvers.analytics.kept_days import KeptDays
from resolvers.analytics.open_time import KeptOpenTime
from resolvers.analytics.points import KeptPoints
from resolvers.assistant.live_messages import LiveMessages
from resolvers.audit.log_writer import write_log
from resolvers.billing.booking_permit import BOOKING_PERMIT
from resolvers.bookings.hooks import BookingPermit, Prepayment
from resolvers.bookings.last_taken import LastTaken
from resolvers.bookings.venue_facts import KeptFacts
from resolvers.core.hooks import Hooks
from resolvers.payments.booking_hooks import PREPAYMENT
from resolvers.webhooks.object_queries import ObjectQueries
from schema import AREAS, schema
from subscriptions.presence import Presence
from web.graphql.endpoint import PATH, Endpoint
from web.pages.demo_checkout import DevPay
from web.pages.graphiql import GraphiQL
from web.pages.outbox import OutboxPages
from web.routes.calendar_feeds import CalendarFeeds
from web.routes.exports import ExportDownloads
from web.routes.health import Health
from web.routes.imports import ImportUploads
from web.routes.inbound_mail import InboundMails
from web.routes.payment_webhooks import Webhooks
from web.routes.security_txt import security_txt
from web.routes.sms_answers import SmsAnswers
from web.routes.unsubscribe import Unsubscribe
from web.server.middleware import GraphQLFastPath, SecurityHeaders

SWITCH_SECONDS: Final = 0.0005


def create_app(*, with_graphiql: bool = True) -> Starlette:
    """Builds the app of a server process from its environment. Raises SettingsError."""
    settings = load_settings()
    is_read = not settings.is_production and sys.stderr.isatty()
    configure_logging(readable=is_read, gathered=not is_read)
    # How long the event loop may wait for the GIL while a thread parses a document.
    sys.setswitchinterval(SWITCH_SECONDS)
    app = build_app(settings, with_graphiql=with_graphiql)
    freeze_gc()
    return app


def build_app(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    services: Mapping[type, object] | None = None,
    with_graphiql: bool = True,
) -> Starlette:
    """Builds the ASGI app; ``app.state.runtime`` is what its scopes share.

    ``app.state.rate_limiter`` holds its token buckets.

    ``services`` replace the integrations that the settings name.
    """
    if settings.app_database_url is None or settings.relay_database_url is None:
        raise SettingsError("BOOM_APP_DATABASE_URL, BOOM_RELAY_DATABASE_URL: both are needed")
    database = Database(settings.app_database_url.sqlalchemy)
    # The app's role sees one tenant at a time; the relay's sees the log and jobs of all tenants.
    relay_url = settings.relay_database_url
    relay_database = Database(relay_url.sqlalchemy, pool_size=3)
    relay = Relay(relay_database, LogStatements(log.READ_END, log.READ_AFTER))
    doorbell = JobNotifier(relay_database)
    readers = [
        EventReader(relay_database, each, clock=clock, notify_jobs=doorbell.notify)
        for each in EVENT_HANDLERS
    ]

    rollups = RollupReader(relay_database)

    def log_has_grown(tenant_ids: frozenset[UUID] | None) -> None:
        relay.notify(tenant_ids)
        for reader in readers:
            reader.notify(tenant_ids)
        rollups.notify(tenant_ids)
        webhook_reader.notify(tenant_ids)

    live_messages = LiveMessages()
    presence = cast("Presence", (services or {}).get(Presence, Presence()))
    bus = Bus(
        settings.relay_database_url,
        on_notify=log_has_grown,
        channels={presence.channel: presence.hear, live_messages.channel: live_messages.hear},
    )
    secrets = (settings.secret, *settings.fallback_secrets)
    tokens = Tokens(*secrets)
    errands = BackgroundTasks()
    counted = partial(
        Allowances,
        database,
        SpentStatements(allowances.SPEND, allowances.EARLIEST, allowances.REFILL),
        secret=settings.secret,
        clock=clock,
    )
    security_counts = SecurityCounts()
    handler_gauge = HandlerGauge(partial(find_oldest, relay_database, FOLLOWERS), clock=clock)
    rollup_gauge = RollupGauge(partial(find_oldest_uncounted, relay_database), clock=clock)
    outbound = Outbound(allows_loopback=settings.outbound_loopback)
    used: dict[type, object] = {
        Allowances: counted(is_enforced=settings.rate_limit),
        LoginThrottle: LoginThrottle(),
        Billing: billing_of(settings, clock=clock),
        RefusalDelay: RefusalDelay(),
        BackgroundTasks: errands,
        BookingPermit: BOOKING_PERMIT,
        Cipher: Cipher(*secrets),
        Downloads: Downloads(*secrets),
        EventLimits: EventLimits(is_enforced=settings.rate_limit),
        HandlerGauge: handler_gauge,
        Gateway: gateway_of(settings, clock=clock),
        Hooks: Hooks(*(area.handlers for area in AREAS)),
        HumanProof: human_proof_of(settings, clock=clock),
        LanguageModel: language_model_of(settings),
        Embeddings: embeddings_of(settings),
        KeptDays: KeptDays(),
        KeptFacts: KeptFacts(BOOKING_PERMIT),
        KeptOpenTime: KeptOpenTime(),
        KeptPoints: KeptPoints(),
        Links: Links(*secrets),
        RecipientLinks: RecipientLinks(*secrets),
        ReplyAddresses: ReplyAddresses(settings.reply_domain, *secrets),
        TicketLinks: TicketLinks(*secrets),
        Networks: Networks(settings.secret),
        Mail: mail_of(settings),
        Outbound: outbound,
        Passwords: Passwords(),
        Prepayment: PREPAYMENT,
        Presence: presence,
        Push: push_of(settings, outbound, clock=clock),
        Relay: relay,
        SecurityCounts: security_counts,
        Settings: settings,
        Sms: sms_of(settings),
        Storage: Storage.of(settings),
        LastTaken: LastTaken(),
        LiveMessages: live_messages,
        Tokens: tokens,
        Uploads: Uploads(*secrets),
        **(services or {}),
    }
    used[OneTimeProofs] = OneTimeProofs(cast("HumanProof", used[HumanProof]), counted())
    runtime = Runtime(
        database, clock, write_log, notify_log=bus.wake, services=used, notify_jobs=doorbell.notify
    )
    webhook_database = Database(relay_url.sqlalchemy, pool_size=WEBHOOK_CONNECTIONS)
    webhook_sender = WebhookSender(webhook_database, runtime)
    webhook_reader = WebhookReader(relay_database, clock=clock, wake=webhook_sender.wake)
    backlog = QueueGauge(relay_database, counted=job_queue.backlog)
    actors = Authenticator(tokens, actor_finder(runtime), clock=clock)
    token = settings.metrics_token
    metrics_token = token.get_secret_value() if token else None
    metrics = Metrics(
        database,
        relay,
        backlog,
        security_counts,
        handler_gauge,
        rollup_gauge,
        token=metrics_token,
    )
    rate_limiter = RateLimiter(is_enforced=settings.rate_limit)
    limits = ConcurrencyLimits(
        sockets_of_address=settings.sockets_per_address, is_enforced=settings.rate_limit
    )
    operations = Operations(
        schema, runtime, rate_limiter, limits, metrics, compiled=settings.compiled
    )
    # Nobody is throttled for what follows an event.
    following = Operations(
        schema,
        runtime,
        RateLimiter(is_enforced=False),
        limits,
        metrics,
        compiled=settings.compiled,
    )
    used[ObjectQueries] = StoredQueries(schema, following, runtime)
    endpoint = Endpoint(
        schema,
        operations,
        actors.authenticate,
        limits,
        metrics,
        allowed_origins=settings.allowed_origins,
        clock=clock,
        brake=cast("RefusalDelay", used[RefusalDelay]),
        always_secure=settings.is_production,
    )
    health = Health(runtime, {"live": lambda: bus.is_listening})
    # Production doesn't run the build, which is third-party code.
    graphiql = GraphiQL(
        settings.data, builds=not settings.is_production, log=structlog.get_logger("graphiql")
    )
    gateway = cast("Gateway", used[Gateway])
    webhooks = Webhooks(runtime, gateway)
    checkout = DevPay(gateway, webhooks) if isinstance(gateway, LocalGateway) else None

    sms_answers = None
    sms_token = cast("Sms", used[Sms]).auth_token
    if sms_token is not None and settings.public_url is not None:
        sms_answers = SmsAnswers(runtime, public_url=settings.public_url, auth_token=sms_token)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if with_graphiql:
            await graphiql.start()
        background: dict[str, Service] = {
            "doorbell": doorbell.run,
            "backlog": backlog.run,
            "handlers": handler_gauge.run,
            "rollup_lag": rollup_gauge.run,
            "presence": partial(presence.run, bus.publish),
            "live_messages": partial(live_messages.run, bus.publish),
        }
        if settings.works:
            background |= worker_services(runtime, relay_database, readers, rollups, url=relay_url)
            background |= {
                "webhook_reader": webhook_reader.run,
                "webhook_sender": webhook_sender.run,
            }
        if checkout is not None:
            background["deliveries"] = checkout.run
        try:
            async with supervise(bus=bus.run, relay=relay.run, **background):
                yield
        finally:
            await graphiql.stop()
            await live_messages.close()
            await errands.finish()
            await gateway.close()
            await cast("Billing", used[Billing]).close()
            await cast("HumanProof", used[HumanProof]).close()
            outbound.close()
            await cast("Sms", used[Sms]).close()
            await cast("LanguageModel", used[LanguageModel]).close()
            if (embeddings := used[Embeddings]) is not None:
                await cast("Embeddings", embeddings).close()
            await webhook_database.close()
            await relay_database.close()
            await database.close()

    # In production, metrics require the token.
    shows_metrics = metrics_token is not None or not settings.is_production
    trusted_hosts = (
        [Middleware(TrustedHostMiddleware, settings.allowed_hosts, www_redirect=False)]
        if settings.allowed_hosts
        else []
    )
    app = Starlette(
        routes=[
            Route("/", RedirectResponse("/graphiql")),
            Route(PATH, endpoint),
            WebSocketRoute(PATH, endpoint),
            *graphiql.routes,
            *webhooks.routes,
            *ExportDownloads(runtime).routes,
            *CalendarFeeds(runtime, rate_limiter).routes,
            *ImportUploads(runtime, rate_limiter).routes,
            *Unsubscribe(runtime, rate_limiter).routes,
            *InboundMails(runtime, settings, rate_limiter).routes,
            *(sms_answers.routes if sms_answers else ()),
            *(checkout.routes if checkout else ()),
            *(() if settings.is_production else OutboxPages(Outbox.of(settings)).routes),
            Route("/livez", health.live),
            Route("/readyz", health.ready),
            *([Route("/metrics", metrics.answer)] if shows_metrics else ()),
            *security_txt(settings.security_contact, clock=clock),
        ],
        middleware=[
            *trusted_hosts,
            Middleware(GraphQLFastPath, path=PATH, to=endpoint),
            Middleware(SecurityHeaders),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.allowed_origins,
                allow_credentials=True,
                allow_methods=["GET", "POST", "PUT"],
                # Client libraries send headers of their own: traces, names and versions.
                allow_headers=["*"],
                expose_headers=["Retry-After", "X-Boom-Credentials", "X-Request-Id"],
            ),
        ],
        lifespan=lifespan,
    )
    app.state.runtime = runtime
    app.state.rate_limiter = rate_limiter
    return app
