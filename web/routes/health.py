"""Health checks: /livez for liveness, /readyz for readiness."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from kit.actor import ANONYMOUS, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.core.zone_clocks import CLOCKS_ARE_STORED

TIMEOUT_SECONDS: Final = 2

log = structlog.get_logger(__name__)


class Health:
    """Serves /livez and /readyz; ``parts`` are further checks for readiness, by name."""

    def __init__(self, runtime: Runtime, parts: dict[str, Callable[[], bool]]) -> None:
        self._runtime = runtime
        self._parts = parts

    async def live(self, _request: HttpRequest) -> Response:
        """Responds if the process is alive."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: HttpRequest) -> Response:
        """Responds 200 if the database is migrated and all parts are well, else 503."""
        checks = {"database": await self._database_answers()}
        checks |= {name: is_well() for name, is_well in self._parts.items()}
        status = 200 if all(checks.values()) else 503
        statuses = {name: "ok" if well else "away" for name, well in checks.items()}
        return JSONResponse(statuses, status, headers={"Cache-Control": "no-store"})

    async def _database_answers(self) -> bool:
        scope = Scope(self._runtime, ANONYMOUS, Request(new_id()))
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                if await scope.value(CLOCKS_ARE_STORED):
                    return True
            # SQL needs the time zone rules, which a migration stores.
            log.error("database.unmigrated", remedy="python -m commands.migrate")
            return False
        except Exception as error:  # noqa: BLE001 - any failure means not ready
            log.warning("database.away", reason=type(error).__name__)
            return False
        finally:
            await scope.close()
