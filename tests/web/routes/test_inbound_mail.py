"""Where mails arrive: who may deliver them, in which forms, and how large."""

from base64 import b64encode
from typing import Final

import httpx2
import pytest
from pydantic import SecretStr

from integrations.mail.inbound import MAX_BYTES
from kit.settings import Settings
from tests.support.client import Api

SECRET: Final = "a secret of the provider"
MAIL: Final = "From: remy@example.com\nTo: reply@reply.example.com\n\nHello\n"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "inbound_mail_domain": "reply.example.com",
            "inbound_mail_secret": SecretStr(SECRET),
        }
    )


async def deliver(api: Api, content: bytes, authorization: str, kind: str) -> httpx2.Response:
    headers = {b"Authorization": authorization.encode(), b"Content-Type": kind.encode()}
    return await api.http.post("/mail/inbound", content=content, headers=headers)


async def test_only_who_knows_the_secret_delivers_mail(api: Api) -> None:
    basic = b64encode(f"mail:{SECRET}".encode()).decode()
    given = [
        f"Bearer {SECRET}",
        f"Basic {basic}",
        "Bearer another",
        "Basic ~",
        "Basic é",
        "",
        f"Token {SECRET}",
    ]

    codes = [
        (await deliver(api, MAIL.encode(), each, "message/rfc822")).status_code for each in given
    ]

    assert codes == [200, 200, 401, 401, 401, 401, 401]
    # Development's own place is there only without a secret.
    assert (await api.http.post("/dev/mail/inbound", content=MAIL)).status_code == 404


async def test_a_mail_is_taken_as_it_is_or_in_json_and_not_if_it_is_huge(api: Api) -> None:
    async def said(content: bytes, kind: str) -> tuple[int, object]:
        answer = await deliver(api, content, f"Bearer {SECRET}", kind)
        return answer.status_code, next(iter(answer.json().values()))

    encoded = b64encode(MAIL.encode()).decode()
    json = [
        f'{{"raw": "{encoded}", "encoding": "base64", "recipient": "someone@example.com"}}',
        '{"raw": 5}',
        "[]",
        '{"raw": "~", "encoding": "base64"}',
    ]
    huge = MAIL.encode() + b"x" * MAX_BYTES

    assert [await said(each.encode(), "application/json") for each in json] == [
        (200, "NO_TICKET"),
        (422, "This is no mail."),
        (422, "This is no mail."),
        (422, "This is no mail."),
    ]
    assert await said(huge, "message/rfc822") == (413, "A mail can have at most 10 MB.")
