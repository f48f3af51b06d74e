"""The outbox that shows what wasn't sent, for development."""

from typing import Final

import httpx2
import pytest

from app import build_app
from integrations.mail.protocol import Mail, Message
from integrations.push.protocol import Push, PushSubscriptionKeys
from integrations.sms.protocol import Sms, SmsMessage
from kit.ids import new_id
from kit.runtime import Runtime
from kit.settings import Environment, Settings
from tests.support.client import Api

CALENDAR: Final = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
CONFIRMATION: Final = Message(
    to="ann@example.test",
    subject="Café <Böhm>",
    text="Hello Ann & Bob",
    html="<h1>Hello <script>alert(1)</script></h1>",
    calendar=("REQUEST", CALENDAR),
)


@pytest.fixture
async def stored(runtime: Runtime) -> None:
    """A mail, then an SMS, then a push."""
    services = runtime.services
    mail, sms, push = services[Mail], services[Sms], services[Push]
    await mail.send(CONFIRMATION)  # type: ignore[attr-defined]
    await sms.send(SmsMessage("+4930123456", "See you <soon>", new_id()))  # type: ignore[attr-defined]
    keys = PushSubscriptionKeys("https://push.example.com/a", "p", "a")
    await push.send(keys, b'{"title":"Hello"}', ttl_seconds=60)  # type: ignore[attr-defined]


async def paths(api: Api) -> list[str]:
    """Returns the paths of the messages in the list."""
    page = (await api.http.get("/dev/outbox")).text
    return [part.partition('"')[0] for part in page.split('<tr><td><a href="')[1:]]


async def test_messages_are_listed_newest_first(api: Api, stored: None) -> None:
    page = await api.http.get("/dev/outbox")

    push, sms, mail = await paths(api)
    assert (push[-5:], sms[-4:], mail[-4:]) == (".push", ".sms", ".eml")
    assert "Café &lt;Böhm&gt;" in page.text
    assert "See you &lt;soon&gt;" in page.text


async def test_a_mail_is_shown_with_all_its_parts(api: Api, stored: None) -> None:
    *_, mail = await paths(api)

    page = await api.http.get(mail)
    raw = await api.http.get(f"{mail}/raw")

    assert f'<iframe sandbox src="{mail}/html"' in page.text
    assert "Hello Ann &amp; Bob" in page.text
    assert "Calendar entry (REQUEST)" in page.text and "BEGIN:VCALENDAR" in page.text
    assert "<script" not in page.text
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Message-ID: <" in raw.text


async def test_a_rendered_mail_can_do_nothing(api: Api, stored: None) -> None:
    *_, mail = await paths(api)

    rendered = await api.http.get(f"{mail}/html")

    assert "<h1>Hello" in rendered.text
    assert rendered.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert rendered.headers["x-frame-options"] == "SAMEORIGIN"


async def test_an_sms_and_a_push_are_shown(api: Api, stored: None) -> None:
    push, sms, _ = await paths(api)

    assert "+4930123456" in (await api.http.get(sms)).text
    assert "{&quot;title&quot;:&quot;Hello&quot;}" in (await api.http.get(push)).text
    assert (await api.http.get(f"{sms}/html")).status_code == 404


@pytest.mark.parametrize(
    "id", ["none", "../secret", "..%2Fsecret", "20270301T090000.000000-00ff.eml"]
)
async def test_other_files_are_unknown(api: Api, stored: None, id: str) -> None:
    assert (await api.http.get(f"/dev/outbox/{id}")).status_code == 404
    assert (await api.http.get(f"/dev/outbox/{id}/raw")).status_code == 404


async def test_an_empty_outbox_says_so(api: Api) -> None:
    assert "There are no messages yet." in (await api.http.get("/dev/outbox")).text


async def test_production_has_no_outbox(settings: Settings) -> None:
    app = build_app(
        settings.model_copy(update={"environment": Environment.PRODUCTION}), with_graphiql=False
    )
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        assert (await http.get("/dev/outbox")).status_code == 404
