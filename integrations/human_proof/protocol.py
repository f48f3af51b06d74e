"""What any way of telling people from programs is asked for."""

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
    """What a guest's browser is to solve.

    ``challenge`` is JSON for the widget that computes, ``site_key`` what a provider's widget is
    set up with; each is None for the other kind. ``expires_at``: a solution is refused from then
    on, if it ends at a known time.
    """

    kind: ProofKind
    challenge: str | None = None
    site_key: str | None = None
    expires_at: datetime | None = None


class HumanProof(Protocol):
    """Makes challenges, and checks what comes back."""

    def challenge(self, tenant_id: UUID) -> Challenge:
        """A new challenge for a guest of a venue."""

    async def check(self, tenant_id: UUID, proof: str, *, ip_address: str | None) -> str | None:
        """The name of a good proof, the same however it is written; None for another.

        It doesn't know which were used before. Raises Unavailable where nobody can say.
        """

    async def close(self) -> None:
        """Give connections back."""
