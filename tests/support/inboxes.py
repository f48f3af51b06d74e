"""Adds entries to inboxes, as the delivery of notifications does, and makes browsers' keys."""

import os
from base64 import urlsafe_b64encode
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.notifications.kinds import NotificationKind
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.core.transactions import perform
from resolvers.notifications.inbox import add_to_inbox
from tests.support.factories import Person


async def make_inbox_entry(
    runtime: Runtime,
    person: Person,
    title: str = "New booking",
    *,
    booking_id: UUID | None = None,
    key: UUID | None = None,
) -> UUID:
    """Adds an entry to a person's inbox, and returns its id."""
    id = key or new_id()

    async def add(scope: Scope) -> None:
        await add_to_inbox(
            scope,
            user_id=person.user.id,
            kind=NotificationKind.STAFF_BOOKING_CREATED,
            title=title,
            body="Room 1, Tuesday at 10:00",
            booking_id=booking_id,
            key=id,
        )

    system = Actor(ActorKind.SYSTEM, person.user.tenant_id)
    await perform(runtime, system, Request(new_id()), add)
    return id


def browser_keys() -> tuple[ec.EllipticCurvePrivateKey, bytes, dict[str, str]]:
    """Returns a browser's private key, its secret, and what it tells of them to servers."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    point = private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = os.urandom(16)
    return private_key, secret, {"p256dh": _encoded(point), "auth": _encoded(secret)}


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
