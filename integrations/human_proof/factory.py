"""Selects the human proof of this installation."""

from integrations.human_proof.proof_of_work import ProofOfWork
from integrations.human_proof.protocol import HumanProof, ProofKind
from kit.clock import Clock
from kit.settings import Settings


def human_proof_of(settings: Settings, *, clock: Clock) -> HumanProof:
    """Returns the captcha of BOOM_CAPTCHA, else proof of work."""
    if settings.captcha is None:
        return ProofOfWork(settings.secret, *settings.fallback_secrets, clock=clock)
    # Imported here: most installations don't use it, and its HTTP client imports slowly.
    from integrations.human_proof.captcha import Captcha

    assert settings.captcha_site_key is not None and settings.captcha_secret is not None
    return Captcha(
        ProofKind(settings.captcha.upper()),
        site_key=settings.captcha_site_key,
        secret=settings.captcha_secret.get_secret_value(),
        address=settings.captcha_address,
    )
