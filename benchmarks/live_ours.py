"""The product as a target for live events."""

from starlette.applications import Starlette

from app import build_app
from kit.gc_tuning import freeze_gc
from kit.logging import configure_logging
from kit.settings import load_settings


def create_app() -> Starlette:
    """Creates the app without the build of GraphiQL, which would use the CPU meanwhile."""
    settings = load_settings()
    configure_logging(readable=False)
    built = build_app(settings, with_graphiql=False)
    freeze_gc()
    return built
