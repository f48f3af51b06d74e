"""Sends mail after the commit of the change that caused it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import structlog

from integrations.delivery import Undeliverable
from integrations.mail.protocol import Mail
from kit.actor import Request
from kit.ids import new_id
from kit.jobs.worker import PermanentFailure, TemporaryFailure
from kit.runtime import Runtime
from kit.security.encryption import DecryptionError, UnknownKey
from resolvers.accounts.outgoing_mail import admit_or_withhold, message_in
from resolvers.accounts.passwords import requested_reset, send_reset
from resolvers.bookings.guest_links import requested_link, send_requested_link

log = structlog.get_logger(__name__)


async def admit_letter(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Enqueues a letter, or withholds it if its recipient gets too many."""
    with _failures_of_decryption():
        await admit_or_withhold(runtime, tenant_id, payload)


async def send_mail(runtime: Runtime, _tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
    """Sends an encrypted letter; twice if the worker dies before the job is reported done."""
    with _failures_of_decryption():
        message = message_in(runtime, payload)
    try:
        await cast("Mail", runtime.services[Mail]).send(message)
    except Undeliverable as error:
        raise PermanentFailure(str(error)) from error


async def send_password_reset(
    runtime: Runtime, _tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Sends a password reset, if the requested address has an account."""
    with _failures_of_decryption():
        reset = requested_reset(runtime, payload)
    request = _from(reset)
    await send_reset(runtime, request, **reset)


async def send_guest_link(
    runtime: Runtime, _tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Sends a guest the link to their booking, if it exists."""
    with _failures_of_decryption():
        requested = requested_link(runtime, payload)
    request = _from(requested)
    await send_requested_link(runtime, request, **requested)


@contextmanager
def _failures_of_decryption() -> Iterator[None]:
    """Decides whether a job that can't be decrypted is retried."""
    try:
        yield
    except UnknownKey as error:
        # While a secret is rotated, another process may know the key already.
        log.error("mail.key_unknown", key=error.key_id)
        raise TemporaryFailure(f"{error}: add its secret to BOOM_SECRET_FALLBACKS") from error
    except DecryptionError as error:
        log.error("mail.undecryptable", reason=str(error))
        raise PermanentFailure(str(error)) from error


def _from(payload: dict[str, str]) -> Request:
    """Returns a request with the address of the one that caused the job, popped from it."""
    return Request(new_id(), payload.pop("address", None) or None)
