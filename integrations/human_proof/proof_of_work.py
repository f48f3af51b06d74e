"""Proof of work, which needs no third party.

Challenges and solutions are those of ALTCHA, version 2, whose widget solves them.
"""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import orjson
from altcha import Payload, create_challenge, verify_solution

from integrations.human_proof.protocol import Challenge, ProofKind
from kit.clock import Clock

GOOD_FOR: Final = timedelta(minutes=10)
COST: Final = 5_000
"""PBKDF2 rounds of each try; a solution takes 256 tries on average."""
_ALGORITHM: Final = "PBKDF2/SHA-256"
_PURPOSE: Final = b"challenges of guests, version 1"


class ProofOfWork:
    """Requires about two seconds of a browser's time; ``secret`` is the installation's.

    Solutions of challenges that were signed with one of ``fallbacks`` are accepted too.
    """

    def __init__(self, secret: bytes, *fallbacks: bytes, clock: Clock, cost: int = COST) -> None:
        self._secrets = [hmac.digest(each, _PURPOSE, "sha256") for each in (secret, *fallbacks)]
        self._clock = clock
        self._cost = cost

    def challenge(self, tenant_id: UUID) -> Challenge:
        expires_at = (self._clock() + GOOD_FOR).replace(microsecond=0)
        made = create_challenge(
            _ALGORITHM,
            self._cost,
            expires_at=expires_at,
            data={"venue": str(tenant_id)},
            hmac_secret=self._secrets[0],
        )
        text = orjson.dumps(made.to_dict()).decode()
        return Challenge(ProofKind.PROOF_OF_WORK, challenge=text, expires_at=expires_at)

    async def check(
        self,
        tenant_id: UUID,
        proof: str,
        *,
        ip_address: str | None,  # noqa: ARG002 - the same from any address
    ) -> str | None:
        try:
            payload = Payload.from_base64(proof)
            # The payload is untrusted until its signature is verified, so its shape may be wrong.
            is_good = any(verify_solution(payload, each).verified for each in self._secrets)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        challenge = payload.challenge
        if not is_good or challenge.parameters.data != {"venue": str(tenant_id)}:
            return None
        # Checked again by our own clock: the library uses the system's.
        if datetime.fromtimestamp(challenge.parameters.expires_at or 0, UTC) <= self._clock():
            return None
        # Not the text: one solution can be encoded in many ways.
        return challenge.signature

    async def close(self) -> None:
        """Does nothing."""
