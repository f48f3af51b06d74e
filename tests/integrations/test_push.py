"""Web pushes to a push service that decrypts them as a browser does, and checks who sends them."""

from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import http_ece
import orjson
import pytest
import pytest_asyncio
from py_vapid import Vapid02
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.delivery import Busy, DeliveryError, Undeliverable
from integrations.outbound.client import Outbound
from integrations.push.factory import push_of
from integrations.push.local import LocalPush
from integrations.push.protocol import MAX_PAYLOAD_BYTES, PushSubscriptionKeys, SubscriptionGone
from integrations.push.vapid import VapidKey, new_private_key
from integrations.push.web_push import WebPush
from kit.clock import system_clock
from kit.settings import Environment, Settings
from tests.support.inboxes import browser_keys
from tests.support.serving import serving

NOW: Final = datetime(2027, 3, 1, 9, tzinfo=UTC)
CONTACT: Final = "mailto:ops@example.com"


@dataclass(slots=True)
class PushService:
    """Takes pushes for one browser."""

    status: int = 201
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, http: Request) -> Response:
        self.requests.append((dict(http.headers), await http.body()))
        return Response(status_code=self.status)


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that is subscribed at the service."""

    service: PushService
    address: str
    keys: PushSubscriptionKeys
    private_key: object
    secret: bytes


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    service = PushService()
    private_key, secret, shown = browser_keys()
    app = Starlette(routes=[Route("/send/{id}", service.take, methods=["POST"])])
    async with serving(app) as address:
        keys = PushSubscriptionKeys(f"{address}/send/abc", **shown)
        yield Browser(service, address, keys, private_key, secret)


@pytest.fixture
def push() -> WebPush:
    key = VapidKey(new_private_key(), contact=CONTACT)
    return WebPush(key, Outbound(allows_loopback=True), clock=lambda: NOW)


async def test_the_browser_can_read_it_and_the_service_knows_the_sender(
    browser: Browser, push: WebPush
) -> None:
    payload = orjson.dumps({"title": "Neue Buchung", "body": "Jörg, 18:00"})

    await push.send(browser.keys, payload, ttl_seconds=3_600)

    ((headers, body),) = browser.service.requests
    assert headers["ttl"] == "3600"
    assert headers["content-encoding"] == "aes128gcm"
    read = http_ece.decrypt(
        body, private_key=browser.private_key, auth_secret=browser.secret, version="aes128gcm"
    )
    assert read == payload
    assert Vapid02.verify(headers["authorization"])
    token, key = headers["authorization"].removeprefix("vapid ").split(",")
    assert key == f"k={push.public_key}"
    claims = token.removeprefix("t=").split(".")[1]
    assert orjson.loads(urlsafe_b64decode(claims + "==")) == {
        "aud": browser.address,
        "exp": int(NOW.timestamp()) + 12 * 3_600,
        "sub": CONTACT,
    }


async def test_the_longest_payload_is_one_record(browser: Browser, push: WebPush) -> None:
    await push.send(browser.keys, b"a" * MAX_PAYLOAD_BYTES, ttl_seconds=0)

    ((_, body),) = browser.service.requests
    assert len(body) == 4_096
    with pytest.raises(Undeliverable, match="too long"):
        await push.send(browser.keys, b"a" * (MAX_PAYLOAD_BYTES + 1), ttl_seconds=0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, SubscriptionGone),
        (410, SubscriptionGone),
        (400, Undeliverable),
        (403, Undeliverable),
        (413, Undeliverable),
        (301, Undeliverable),
        (429, Busy),
        (503, Busy),
        (500, DeliveryError),
    ],
)
async def test_what_a_service_refuses_is_told_apart(
    browser: Browser, push: WebPush, status: int, kind: type[DeliveryError]
) -> None:
    browser.service.status = status

    with pytest.raises(DeliveryError) as raised:
        await push.send(browser.keys, b"{}", ttl_seconds=0)

    assert type(raised.value) is kind


async def test_nothing_is_sent_into_our_own_network(browser: Browser) -> None:
    key = VapidKey(new_private_key(), contact=CONTACT)
    push = WebPush(key, Outbound(), clock=system_clock)

    with pytest.raises(Undeliverable):
        await push.send(browser.keys, b"{}", ttl_seconds=0)

    assert browser.service.requests == []


def test_all_processes_have_the_same_key(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, environment=Environment.TEST, data=tmp_path)

    first = push_of(settings, Outbound(), clock=system_clock)
    second = push_of(settings, Outbound(), clock=system_clock)

    assert first.public_key == second.public_key
    assert (tmp_path / "push-key").stat().st_mode & 0o777 == 0o600


async def test_the_settings_say_how_pushes_are_sent(tmp_path: Path, browser: Browser) -> None:
    local = Settings(_env_file=None, environment=Environment.TEST, data=tmp_path)
    private_key = new_private_key()
    real = Settings(
        _env_file=None,
        environment=Environment.TEST,
        data=tmp_path,
        push_contact=CONTACT,
        push_private_key=private_key,
    )

    stores, sends = (push_of(each, Outbound(), clock=system_clock) for each in (local, real))
    await stores.send(browser.keys, b'{"title":"Hello"}', ttl_seconds=60)

    assert isinstance(stores, LocalPush) and isinstance(sends, WebPush)
    assert sends.public_key == VapidKey(private_key, contact=CONTACT).public_key
    (file,) = (tmp_path / "outbox").glob("*.push")
    assert orjson.loads(file.read_bytes())["payload"] == '{"title":"Hello"}'


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("push_contact", "ops@example.com", "must be mailto:… or https://…"),
        ("push_private_key", "short", "must be the 32 bytes of a key"),
    ],
)
def test_odd_settings_are_refused_at_the_start(name: str, value: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Settings.model_validate({name: value})
