"""Captcha providers, against a local server that speaks their protocol."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.human_proof.captcha import Captcha
from integrations.human_proof.factory import human_proof_of
from integrations.human_proof.protocol import ProofKind
from kit.errors import Unavailable
from kit.ids import new_id
from kit.settings import Settings
from tests.support.clock import StoppedClock
from tests.support.serving import serving

VENUE = new_id()


@dataclass(slots=True)
class Provider:
    """Verifies responses as ``answers`` says, and records the requests."""

    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.requests.append(form)
        unknown = {"success": False, "error-codes": ["invalid-input-response"]}
        answer = self.answers.get(form["response"], unknown)
        return answer if isinstance(answer, Response) else JSONResponse(answer)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest_asyncio.fixture
async def captcha(provider: Provider) -> AsyncIterator[Captcha]:
    app = Starlette(routes=[Route("/siteverify", provider.__call__, methods=["POST"])])
    async with serving(app) as address:
        captcha = Captcha(
            ProofKind.TURNSTILE, site_key="site", secret="hush", address=f"{address}/siteverify"
        )
        yield captcha
        await captcha.close()


async def test_a_guests_browser_gets_the_site_key(captcha: Captcha) -> None:
    challenge = captcha.challenge(VENUE)

    assert (challenge.kind, challenge.site_key, challenge.challenge) == ("TURNSTILE", "site", None)


async def test_the_provider_is_asked_with_the_secret_and_the_guests_address(
    captcha: Captcha, provider: Provider
) -> None:
    provider.answers["good"] = {"success": True}

    name = await captcha.check(VENUE, "good", ip_address="192.0.2.7")
    again = await captcha.check(VENUE, "good", ip_address=None)

    assert name is not None and name == again
    assert provider.requests == [
        {"secret": "hush", "response": "good", "remoteip": "192.0.2.7"},
        {"secret": "hush", "response": "good"},
    ]


@pytest.mark.parametrize(
    ("answer", "is_good"),
    [
        ({"success": False, "error-codes": ["timeout-or-duplicate"]}, False),
        ({"success": "true"}, False),
        ([], False),
        ({"success": True, "score": 0.4}, False),
        ({"success": True, "score": 0.5}, True),
        ({"success": True, "score": "high"}, False),
    ],
)
async def test_a_proof_is_as_good_as_the_provider_says(
    captcha: Captcha, provider: Provider, answer: Any, is_good: bool
) -> None:
    provider.answers["given"] = answer

    assert (await captcha.check(VENUE, "given", ip_address=None) is not None) is is_good


@pytest.mark.parametrize(
    "answer", [Response("no", status_code=503), Response("<html>", status_code=200)]
)
async def test_a_provider_that_gives_no_answer_is_unavailable(
    captcha: Captcha, provider: Provider, answer: Response
) -> None:
    provider.answers["given"] = answer

    with pytest.raises(Unavailable):
        await captcha.check(VENUE, "given", ip_address=None)


async def test_a_provider_that_is_away_is_unavailable() -> None:
    away = Captcha(ProofKind.HCAPTCHA, site_key="site", secret="hush", address="http://127.0.0.1:9")

    with pytest.raises(Unavailable):
        await away.check(VENUE, "given", ip_address=None)


async def test_the_settings_choose_the_provider(tmp_path: Path, clock: StoppedClock) -> None:
    given = {
        "BOOM_CAPTCHA": "hcaptcha",
        "BOOM_CAPTCHA_SITE_KEY": "site",
        "BOOM_CAPTCHA_SECRET": "hush",
    }
    chosen = human_proof_of(Settings(_env_file=None, **given), clock=clock)  # type: ignore[arg-type]
    default = human_proof_of(Settings(_env_file=None, data=tmp_path), clock=clock)

    assert chosen.challenge(VENUE).kind == "HCAPTCHA"
    assert default.challenge(VENUE).kind == "PROOF_OF_WORK"
