"""The composition root: settings become a database, services, a schema and their addresses."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import Route, WebSocketRoute

from integrations.mail import Mail, mail_of
from kit.actors import Actors
from kit.attempts import Attempts
from kit.clock import Clock, system_clock
from kit.database import Database
from kit.errands import Errands
from kit.ids import new_id
from kit.logging import configure_logging
from kit.passwords import Passwords
from kit.scope import ANONYMOUS, Actor, ActorKind, Request, Runtime, Scope
from kit.settings import Settings, SettingsError, load_settings
from kit.tokens import Claims, Tokens
from models import Session, Tenant, User
from resolvers.transactions import journal
from schema import schema
from web.graphiql import GraphiQL
from web.graphql import PATH, Endpoint
from web.headers import SecurityHeaders
from web.health import Health
from web.limits import Allowance
from web.metrics import Metrics
from web.operations import Operations


def create_app() -> Starlette:
    """The app of a server process, by its environment. Raises SettingsError."""
    settings = load_settings()
    configure_logging(readable=not settings.is_production and sys.stderr.isatty())
    return build_app(settings)


def build_app(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    parts: Mapping[type, object] | None = None,
    with_graphiql: bool = True,
) -> Starlette:
    """The whole product behind one ASGI app; ``app.state.runtime`` is what its scopes share.

    ``parts`` take the place of the integrations that the settings name.
    """
    if settings.app_database_url is None or settings.relay_database_url is None:
        raise SettingsError("BOOM_APP_DATABASE_URL, BOOM_RELAY_DATABASE_URL: both are needed")
    database = Database(settings.app_database_url.sqlalchemy)
    tokens = Tokens(settings.secret)
    errands = Errands()
    used: dict[type, object] = {
        Attempts: Attempts(),
        Errands: errands,
        Mail: mail_of(settings),
        Passwords: Passwords(),
        Settings: settings,
        Tokens: tokens,
        **(parts or {}),
    }
    runtime = Runtime(database, clock, journal, wake=lambda _tenant_id: None, parts=used)
    actors = Actors(tokens, _finder(runtime), clock=clock)
    metrics = Metrics(database)
    allowance = Allowance(is_enforced=settings.rate_limit)
    operations = Operations(schema, runtime, allowance, metrics)
    endpoint = Endpoint(
        schema,
        operations,
        actors.authenticate,
        metrics,
        allowed_origins=settings.allowed_origins,
        clock=clock,
    )
    health = Health(runtime, {})
    graphiql = GraphiQL(settings.data, log=structlog.get_logger("graphiql"))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if with_graphiql:
            await graphiql.start()
        try:
            yield
        finally:
            await graphiql.stop()
            await errands.finish()
            await database.close()

    app = Starlette(
        routes=[
            Route("/", RedirectResponse("/graphiql")),
            Route(PATH, endpoint),
            WebSocketRoute(PATH, endpoint),
            *graphiql.routes,
            Route("/livez", health.live),
            Route("/readyz", health.ready),
            Route("/metrics", metrics.answer),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.allowed_origins,
                allow_credentials=True,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
                expose_headers=["Retry-After", "X-Request-Id"],
            ),
        ],
        lifespan=lifespan,
    )
    app.state.runtime = runtime
    return app


def _finder(runtime: Runtime) -> Callable[[Claims], Awaitable[Actor | None]]:
    async def find(claims: Claims) -> Actor | None:
        scope = Scope(runtime, ANONYMOUS, Request(new_id()))
        await scope.enter(claims.tenant_id)
        statement = (
            select(User.role, User.customer_id, Tenant.plan_code)
            .join(Session, (Session.tenant_id == User.tenant_id) & (Session.user_id == User.id))
            .join(Tenant, Tenant.id == User.tenant_id)
            .where(
                User.tenant_id == claims.tenant_id,
                User.id == claims.user_id,
                User.deactivated_at.is_(None),
                Session.id == claims.session_id,
                Session.ended_at.is_(None),
            )
        )
        try:
            rows = await scope.rows(statement)
        finally:
            await scope.close()
        if not rows:
            return None
        role, customer_id, plan = rows[0]
        kind = ActorKind.CUSTOMER if role == "CUSTOMER" else ActorKind.USER
        return Actor(
            kind, claims.tenant_id, claims.user_id, claims.session_id, role, customer_id, plan
        )

    return find
