"""Proofs that are good for one request, in whichever process it arrives."""

from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from integrations.human_proof.protocol import MAX_PROOF_LENGTH, Challenge, HumanProof
from kit.bounded_cache import BoundedDict
from kit.security.allowances import Allowance, Allowances

ONCE: Final = Allowance("guest proof", 1, timedelta(hours=1))
"""Longer than any proof is good for."""
CAPACITY: Final = 1_000


class OneTimeProofs:
    """Takes each proof once; ``allowances`` are enforced whatever else is lifted."""

    def __init__(self, proofs: HumanProof, allowances: Allowances) -> None:
        self._proofs = proofs
        self._allowances = allowances
        self._taken: BoundedDict[UUID] = BoundedDict(CAPACITY)

    def challenge(self, tenant_id: UUID) -> Challenge:
        """A new challenge for a guest of a venue."""
        return self._proofs.challenge(tenant_id)

    async def take(
        self, tenant_id: UUID, proof: str, *, request_id: UUID, ip_address: str | None
    ) -> bool:
        """Whether a proof is good, and this request the first that it comes with.

        A change that is tried again brings the same proof in the same request. Raises Unavailable.
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
