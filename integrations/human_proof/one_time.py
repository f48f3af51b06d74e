"""Accepts each proof for one request only, across all processes."""

from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from integrations.human_proof.protocol import MAX_PROOF_LENGTH, Challenge, HumanProof
from kit.bounded_cache import BoundedDict
from kit.security.allowances import Allowance, Allowances

ONCE: Final = Allowance("guest proof", 1, timedelta(hours=1))
"""Longer than any proof is valid."""
CAPACITY: Final = 1_000


class OneTimeProofs:
    """Accepts each proof once; ``allowances`` are enforced even if other limits are off."""

    def __init__(self, proofs: HumanProof, allowances: Allowances) -> None:
        self._proofs = proofs
        self._allowances = allowances
        self._taken: BoundedDict[UUID] = BoundedDict(CAPACITY)

    def challenge(self, tenant_id: UUID) -> Challenge:
        """Returns a new challenge for a guest of a venue."""
        return self._proofs.challenge(tenant_id)

    async def take(
        self, tenant_id: UUID, proof: str, *, request_id: UUID, ip_address: str | None
    ) -> bool:
        """Returns whether a proof is valid and wasn't used by another request.

        A retried transaction uses the same proof in the same request. Raises Unavailable.
        """
        if not 0 < len(proof) <= MAX_PROOF_LENGTH:
            return False
        key = sha256(proof.encode(errors="surrogatepass")).digest()
        if self._taken.get(key) == request_id:
            return True
        name = await self._proofs.check(tenant_id, proof, ip_address=ip_address)
        if name is None or await self._allowances.try_to_spend(ONCE, str(tenant_id), name):
            return False
        self._taken.put(key, request_id)
        return True
