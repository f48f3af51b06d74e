"""The protocol of human proofs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

MAX_PROOF_LENGTH: Final = 8_192


class ProofKind(StrEnum):
    """How a challenge is solved."""

    PROOF_OF_WORK = "PROOF_OF_WORK"
    TURNSTILE = "TURNSTILE"
    HCAPTCHA = "HCAPTCHA"
    RECAPTCHA = "RECAPTCHA"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge for a guest's browser.

    ``challenge`` is JSON for the proof-of-work widget, ``site_key`` the configuration of a
    captcha's widget; each is None for the other kind. Solutions are refused from ``expires_at``
    on, if that is known.
    """

    kind: ProofKind
    challenge: str | None = None
    site_key: str | None = None
    expires_at: datetime | None = None


class HumanProof(Protocol):
    """Creates challenges and checks their solutions."""

    def challenge(self, tenant_id: UUID) -> Challenge:
        """Returns a new challenge for a guest of a venue."""

    async def check(self, tenant_id: UUID, proof: str, *, ip_address: str | None) -> str | None:
        """Returns the unique name of a valid proof; None for an invalid one.

        Doesn't check whether it was used before. Raises Unavailable if it can't be verified.
        """

    async def close(self) -> None:
        """Closes connections."""
