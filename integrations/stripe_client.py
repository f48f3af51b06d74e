"""Stripe's API client: imported on first use, with its errors translated to ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog

from integrations.payments.protocol import Declined, GatewayAway, GatewayRefused

if TYPE_CHECKING:
    from stripe import StripeClient

TIMEOUT_SECONDS: Final = 8.0
CALL_TIMEOUT_SECONDS: Final = 20.0
"""The deadline of a call with its retries: a slow trickle of bytes evades other timeouts."""
NETWORK_RETRIES: Final = 1

log = structlog.get_logger(__name__)


class StripeApi:
    """Stripe's API for one secret key; only tests set ``address``.

    ``async with api.call() as client`` provides ``client.v1.…_async``, and translates its errors
    to Declined, GatewayRefused and GatewayAway.
    """

    def __init__(
        self,
        key: str,
        *,
        address: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        call_timeout_seconds: float = CALL_TIMEOUT_SECONDS,
    ) -> None:
        self._key = key
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._call_timeout_seconds = call_timeout_seconds
        self._making = asyncio.Lock()
        self._client: StripeClient | None = None
        self._http: Any = None

    @asynccontextmanager
    async def call(self) -> AsyncIterator["StripeClient"]:
        """Provides the client for one call in the block. Raises GatewayError."""
        client = await self._made()
        try:
            async with asyncio.timeout(self._call_timeout_seconds):
                yield client
        except TimeoutError as error:
            raise GatewayAway("Stripe took too long") from error
        except Exception as error:
            if (ours := _translated(error)) is None:
                raise
            # `from None`: the original error quotes the response, which has personal data.
            raise ours from None

    async def close(self) -> None:
        """Closes the connections; the next call opens new ones."""
        http, self._http, self._client = self._http, None, None
        if http is not None:
            await http.close_async()

    async def _made(self) -> "StripeClient":
        async with self._making:
            if self._client is None:
                # The import takes most of a second, so it must not block the event loop.
                made = await asyncio.to_thread(self._make)
                self._http, self._client = made
                return made[1]
            return self._client

    def _make(self) -> tuple[Any, "StripeClient"]:
        import stripe

        # Telemetry would send the durations of our calls to Stripe.
        stripe.enable_telemetry = False
        http = stripe.HTTPXClient(timeout=self._timeout_seconds)
        client = stripe.StripeClient(
            self._key,
            base_addresses={"api": self._address} if self._address else None,
            http_client=http,
            max_network_retries=NETWORK_RETRIES,
        )
        return http, client


def _translated(error: Exception) -> Exception | None:
    """Translates an error of the client; None for an error that isn't Stripe's."""
    import stripe

    if not isinstance(error, stripe.StripeError):
        # A response of the right status and the wrong shape makes the client raise these.
        shapeless = isinstance(error, AttributeError | KeyError | TypeError | ValueError)
        return (
            GatewayAway(f"Stripe's answer can't be read: {type(error).__name__}")
            if (shapeless)
            else None
        )
    cause = type(error.__cause__).__name__ if error.__cause__ else error.code
    summary = f"{type(error).__name__} {error.http_status} {cause} {error.request_id}"
    match error:
        case stripe.CardError():
            return Declined(_decline_code(error))
        case stripe.AuthenticationError() | stripe.PermissionError():
            log.error("stripe.key_refused", status=error.http_status, request=error.request_id)
            return GatewayRefused(summary)
        case stripe.InvalidRequestError() | stripe.IdempotencyError():
            return GatewayRefused(f"{summary}: {error.user_message}")
        case _:
            return GatewayAway(summary)


def _decline_code(error: Any) -> str:
    given = error.json_body.get("error") if isinstance(error.json_body, dict) else None
    details = given if isinstance(given, dict) else {}
    return str(details.get("decline_code") or error.code or "declined")
