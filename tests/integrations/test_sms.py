"""SMS by Twilio, over HTTP to a server that speaks its protocol."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
import orjson
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.delivery import Busy, DeliveryError, OutcomeUnknown, Undeliverable
from integrations.sms.factory import sms_of
from integrations.sms.local import LocalSms
from integrations.sms.protocol import Sms, SmsMessage
from integrations.sms.twilio import TwilioSms
from integrations.sms.twilio_webhooks import is_signed
from kit.ids import new_id
from kit.settings import Environment, Settings
from tests.support.serving import serving

REMINDER: Final = SmsMessage("+4915123456789", "Bis morgen um 18:00, Jörg", new_id())
SID: Final = "SM0123456789abcdef0123456789abcdef"


# An example of Twilio's documentation, which its own libraries are tested with.
SIGNED_URL: Final = "https://mycompany.com/myapp.php?foo=1&bar=2"
SIGNED_FIELDS: Final = (
    ("Digits", "1234"),
    ("To", "+18005551212"),
    ("From", "+14158675309"),
    ("Caller", "+14158675309"),
    ("CallSid", "CA1234567890ABCDE"),
)
SIGNATURE: Final = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


class Twilio:
    """Answers as Twilio does, and keeps the last request."""

    def __init__(self) -> None:
        self.status = 201
        self.fields: object = {"sid": SID, "status": "queued", "error_code": None}
        self.headers: Mapping[str, str] = {}
        self.delay_seconds = 0.0
        self.request: tuple[str, str, dict[str, list[str]]] | None = None
        self.app = Starlette(
            routes=[Route("/2010-04-01/Accounts/{sid}/Messages.json", self.take, methods=["POST"])]
        )

    async def take(self, http: Request) -> Response:
        form = parse_qs((await http.body()).decode(), strict_parsing=True)
        self.request = (http.url.path, http.headers["authorization"], form)
        await asyncio.sleep(self.delay_seconds)
        return JSONResponse(self.fields, self.status, headers=dict(self.headers))


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[tuple[Twilio, str]]:
    found = Twilio()
    async with serving(found.app) as address:
        yield found, address


@pytest_asyncio.fixture
async def sms(twilio: tuple[Twilio, str]) -> AsyncIterator[TwilioSms]:
    """The client, by the settings of an account."""
    _, address = twilio
    found = TwilioSms(
        account_sid="AC1", username="AC1", password="s3cret", sender="+15005550006",
        api_base=address,
    )  # fmt: skip
    yield found
    await found.close()


async def test_a_message_is_sent_as_twilio_wants_it(
    twilio: tuple[Twilio, str], sms: TwilioSms
) -> None:
    id = await sms.send(REMINDER)

    assert id == SID
    assert twilio[0].request == (
        "/2010-04-01/Accounts/AC1/Messages.json",
        f"Basic {b64encode(b'AC1:s3cret').decode()}",
        {"To": ["+4915123456789"], "Body": ["Bis morgen um 18:00, Jörg"], "From": ["+15005550006"]},
    )


@pytest.mark.parametrize(
    ("status", "fields", "kind"),
    [
        (400, {"code": 21610, "message": "opted out", "status": 400}, Undeliverable),
        (400, {"code": 21211, "message": "invalid", "status": 400}, Undeliverable),
        (400, {"code": 21614, "message": "not mobile", "status": 400}, Undeliverable),
        (401, {"code": 20003, "message": "authenticate", "status": 401}, DeliveryError),
        (429, {"code": 20429, "message": "too many", "status": 429}, Busy),
        (503, {"code": 20503, "message": "unavailable", "status": 503}, Busy),
        (500, {"code": 20500, "message": "error", "status": 500}, OutcomeUnknown),
        (502, "bad gateway", OutcomeUnknown),
        (201, {"odd": True}, OutcomeUnknown),
    ],
    ids=[
        "opted out", "no number", "no mobile", "wrong password", "too many", "unavailable",
        "failed", "gateway", "odd answer",
    ],
)  # fmt: skip
async def test_what_is_refused_is_told_apart(
    twilio: tuple[Twilio, str],
    sms: TwilioSms,
    status: int,
    fields: object,
    kind: type[DeliveryError],
) -> None:
    twilio[0].status, twilio[0].fields = status, fields

    with pytest.raises(DeliveryError) as raised:
        await sms.send(REMINDER)

    assert type(raised.value) is kind
    assert "4915123456789" not in str(raised.value)


async def test_a_busy_provider_says_when_to_come_back(
    twilio: tuple[Twilio, str], sms: TwilioSms
) -> None:
    twilio[0].status, twilio[0].headers = 429, {"Retry-After": "7"}

    with pytest.raises(Busy) as raised:
        await sms.send(REMINDER)

    assert raised.value.retry_after_seconds == 7


async def test_no_answer_in_time_has_an_unknown_outcome(twilio: tuple[Twilio, str]) -> None:
    provider, address = twilio
    provider.delay_seconds = 1
    sms = TwilioSms(
        account_sid="AC1", username="AC1", password="s3cret", sender="BOOM",
        api_base=address, timeout_seconds=0.2,
    )  # fmt: skip

    with pytest.raises(OutcomeUnknown, match="ReadTimeout"):
        await sms.send(REMINDER)

    assert provider.request is not None
    await sms.close()


async def test_a_provider_that_is_away_can_be_tried_again() -> None:
    sms = TwilioSms(
        account_sid="AC1", username="AC1", password="s3cret", sender="BOOM",
        api_base="http://127.0.0.1:9",
    )  # fmt: skip

    with pytest.raises(httpx.ConnectError):
        await sms.send(REMINDER)
    await sms.close()


@pytest.mark.parametrize(
    ("url", "sender", "account"),
    [
        ("twilio://AC1:token@+15005550006", {"From": "+15005550006"}, "AC1"),
        ("twilio://AC1:to%2Fken@MG1", {"MessagingServiceSid": "MG1"}, "AC1"),
        ("twilio://SK1:secret@Boom%20Bar?account=AC1", {"From": "Boom Bar"}, "AC1"),
    ],
    ids=["number", "messaging service", "API key"],
)
async def test_the_account_is_configured_by_a_url(
    tmp_path: Path, url: str, sender: dict[str, str], account: str
) -> None:
    settings = Settings(_env_file=None, environment=Environment.TEST, data=tmp_path, sms_url=url)

    sms: Any = sms_of(settings)

    assert isinstance(sms, TwilioSms)
    assert sms._sender == sender
    assert sms._path == f"https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json"
    await sms.close()


@pytest.mark.parametrize("url", ["https://a:b@c", "twilio://AC1@+1500", "twilio://XY1:b@c"])
def test_an_odd_url_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="must look like twilio://"):
        Settings(_env_file=None, environment=Environment.TEST, sms_url=url)


async def test_without_an_account_messages_are_kept_as_files(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, environment=Environment.TEST, data=tmp_path)
    sms: Sms = sms_of(settings)

    id = await sms.send(REMINDER)

    assert isinstance(sms, LocalSms) and id == f"local-{REMINDER.key}"
    (file,) = (tmp_path / "outbox").glob("*.sms")
    assert orjson.loads(file.read_bytes()) == {
        "to": "+4915123456789",
        "text": "Bis morgen um 18:00, Jörg",
    }


def test_twilio_signs_its_address_and_sorted_fields() -> None:
    assert is_signed(SIGNED_URL, SIGNED_FIELDS, SIGNATURE, auth_token="12345")
    assert not is_signed(SIGNED_URL, SIGNED_FIELDS[1:], SIGNATURE, auth_token="12345")
    assert not is_signed(SIGNED_URL[:-1], SIGNED_FIELDS, SIGNATURE, auth_token="12345")
    assert not is_signed(SIGNED_URL, SIGNED_FIELDS, "é", auth_token="12345")


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("twilio://AC1:abc@+15005550006", "abc"),
        ("twilio://SK1:secret@+15005550006?account=AC1", None),
        ("twilio://SK1:secret@+15005550006?account=AC1&token=abc", "abc"),
    ],
)
async def test_a_receipt_is_asked_for_where_it_can_be_verified(url: str, token: str | None) -> None:
    sms = TwilioSms.at(url)
    await sms.close()

    assert sms.auth_token == token
