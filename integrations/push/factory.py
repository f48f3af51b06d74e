"""Selects how this installation sends web pushes."""

from integrations.outbound.client import Outbound
from integrations.outbox import Outbox
from integrations.push.local import LocalPush
from integrations.push.protocol import Push
from integrations.push.vapid import VapidKey, new_private_key
from integrations.push.web_push import WebPush
from kit.clock import Clock
from kit.kept_secrets import kept_secret
from kit.settings import Settings

_NOBODY = "mailto:nobody@localhost"


def push_of(settings: Settings, outbound: Outbound, *, clock: Clock) -> Push:
    """Returns pushes to browsers if BOOM_PUSH_CONTACT is set, else pushes stored in the outbox."""
    given = settings.push_private_key
    private_key = (
        given.get_secret_value()
        if given is not None
        else kept_secret(settings.data, "push-key", new_private_key)
    )
    if settings.push_contact is None:
        key = VapidKey(private_key, contact=_NOBODY)
        return LocalPush(Outbox.of(settings), public_key=key.public_key)
    key = VapidKey(private_key, contact=settings.push_contact)
    return WebPush(key, outbound, clock=clock)
