"""Captchas of Turnstile, hCaptcha and reCAPTCHA, which share one protocol.

A form with the secret and the widget's response goes to the provider's `siteverify`, which returns
JSON with `success`. A response is valid once and for a few minutes.
"""

from hashlib import sha256
from typing import Final
from uuid import UUID

import httpx

from integrations.human_proof.protocol import Challenge, ProofKind
from kit.errors import Unavailable

ADDRESSES: Final = {
    ProofKind.TURNSTILE: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    ProofKind.HCAPTCHA: "https://api.hcaptcha.com/siteverify",
    ProofKind.RECAPTCHA: "https://www.google.com/recaptcha/api/siteverify",
}
TIMEOUT_SECONDS: Final = 5.0
LEAST_SCORE: Final = 0.5
"""The lowest accepted score, from 0 to 1, of providers that rate how likely it is a person."""


class Captcha:
    """Verifies captchas with a provider; ``address`` replaces the provider's URL."""

    def __init__(
        self, kind: ProofKind, *, site_key: str, secret: str, address: str | None = None
    ) -> None:
        self._kind = kind
        self._site_key = site_key
        self._secret = secret
        self._address = address or ADDRESSES[kind]
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False)

    def challenge(self, tenant_id: UUID) -> Challenge:  # noqa: ARG002 - all venues have one
        return Challenge(self._kind, site_key=self._site_key)

    async def check(
        self,
        tenant_id: UUID,  # noqa: ARG002 - all venues have one
        proof: str,
        *,
        ip_address: str | None,
    ) -> str | None:
        form = {"secret": self._secret, "response": proof}
        if ip_address is not None:
            form["remoteip"] = ip_address
        try:
            answer = (await self._http.post(self._address, data=form)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("The captcha can't be checked now; try again in a moment.") from error
        if not isinstance(answer, dict) or answer.get("success") is not True:
            return None
        score = answer.get("score", 1)
        if not isinstance(score, int | float) or score < LEAST_SCORE:
            return None
        return sha256(proof.encode()).hexdigest()

    async def close(self) -> None:
        await self._http.aclose()
