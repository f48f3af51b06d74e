"""Proof of work, made and checked here: nobody else learns who books what.

Challenges and solutions are those of ALTCHA, version 2, so that its widget solves them.
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
"""Rounds of PBKDF2 for each of the 256 tries that a solution takes on average."""
_ALGORITHM: Final = "PBKDF2/SHA-256"
_PURPOSE: Final = b"challenges of guests, version 1"


class ProofOfWork:
    """Asks for about two seconds of a browser's time; ``secret`` is the installation's.

    Solutions of challenges that were made with one of ``fallbacks`` are taken as well.
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
        ip_address: str | None,  # noqa: ARG002 - work is work, wherever it is done
    ) -> str | None:
        try:
            payload = Payload.from_base64(proof)
            # It reads what a caller wrote, and its shape is known only once the signature is.
            is_good = any(verify_solution(payload, each).verified for each in self._secrets)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        told = payload.challenge
        if not is_good or told.parameters.data != {"venue": str(tenant_id)}:
            return None
        # Once more by our own clock: the library has only the machine's.
        if datetime.fromtimestamp(told.parameters.expires_at or 0, UTC) <= self._clock():
            return None
        # Not the text: one solution can be written in many ways.
        return told.signature

    async def close(self) -> None:
        """Nothing is open."""
