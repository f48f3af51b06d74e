"""Sends SMS by Twilio's API, `POST /2010-04-01/Accounts/{sid}/Messages.json`."""

from collections.abc import Mapping
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import structlog

from integrations.delivery import Busy, DeliveryError, OutcomeUnknown, Undeliverable
from integrations.sms.protocol import SmsMessage

API: Final = "https://api.twilio.com"
TIMEOUT_SECONDS: Final = 15.0

_NOT_BEFORE_IT_WAS_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BUSY: Final = frozenset({429, 503})
# Only whether the number can be reached: other codes are about the account, and can be resolved.
_UNDELIVERABLE: Final = {
    21211: "is no number that exists",
    21214: "is no number that exists",
    21217: "is no number that exists",
    21219: "is not verified, which a trial account requires",
    21265: "is a short code, which takes none",
    21408: "is in a country to which this account sends none",
    21610: "has opted out",
    21612: "can't be reached from this sender",
    21614: "is no mobile number",
}

log = structlog.get_logger(__name__)


class TwilioSms:
    """Sends SMS from a number, a name or a messaging service of a Twilio account.

    ``auth_token`` is what Twilio signs its own requests with. Without it, none are asked for.
    """

    def __init__(
        self,
        *,
        account_sid: str,
        username: str,
        password: str,
        sender: str,
        auth_token: str | None = None,
        api_base: str = API,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.auth_token = auth_token
        self._path = f"{api_base}/2010-04-01/Accounts/{account_sid}/Messages.json"
        # Messages of a service come from the number of it that suits the recipient.
        self._sender = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}
        self._http = httpx.AsyncClient(
            auth=(username, password), timeout=timeout_seconds, follow_redirects=False
        )

    @classmethod
    def at(cls, url: str) -> Self:
        """Configures an account by `twilio://AC…:auth-token@+15005550006`.

        The host is a number, a name or the id of a messaging service. With an API key,
        `twilio://SK…:secret@+15005550006?account=AC…&token=…`.
        """
        parts = urlsplit(url)
        username = unquote(parts.username or "")
        options = parse_qs(parts.query)
        password = unquote(parts.password or "")
        token = options.get("token", [None if username.startswith("SK") else password])[0]
        return cls(
            account_sid=options.get("account", [username])[0],
            username=username,
            password=password,
            # Not `hostname`, which is in lower case.
            sender=unquote(parts.netloc.rpartition("@")[2]),
            auth_token=token,
        )

    async def send(self, message: SmsMessage) -> str:
        form = {"To": message.to, "Body": message.text, **self._sender}
        if message.receipt_url is not None and self.auth_token is not None:
            form["StatusCallback"] = message.receipt_url
        try:
            answer = await self._http.post(self._path, data=form)
        except _NOT_BEFORE_IT_WAS_SENT:
            raise
        except httpx.TransportError as error:
            # Twilio takes no idempotency key, so that nobody could tell whether a retry doubles it.
            raise OutcomeUnknown(f"Twilio has not answered: {type(error).__name__}") from error
        sid = _fields(answer).get("sid")
        if answer.is_success and isinstance(sid, str):
            log.info("sms.sent")
            return sid
        raise _refusal(answer)

    async def close(self) -> None:
        await self._http.aclose()


def _refusal(answer: httpx.Response) -> DeliveryError:
    """Returns the error of an answer without a message."""
    code = _fields(answer).get("code")
    text = f"Twilio answers {answer.status_code}, code {code}"
    if isinstance(code, int) and code in _UNDELIVERABLE:
        return Undeliverable(f"{text}: the number {_UNDELIVERABLE[code]}")
    if answer.status_code in _BUSY:
        return Busy(text, retry_after_seconds=_seconds(answer.headers.get("retry-after")))
    if answer.is_server_error or answer.is_success:
        return OutcomeUnknown(text)
    # The account's settings are wrong; once they are corrected, a retry succeeds.
    return DeliveryError(text)


def _fields(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        fields = answer.json()
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
