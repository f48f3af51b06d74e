"""Mail, sent after the change that wrote it."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from integrations.mail.smtp import Mail, Undeliverable
from kit.actor import Request
from kit.ids import new_id
from kit.jobs.worker import PermanentFailure
from kit.runtime import Runtime
from kit.security.encryption import Unreadable
from resolvers.accounts.passwords import asked_for_reset, send_reset
from resolvers.bookings.guest_links import requested_link, send_requested_link
from resolvers.core.outgoing_mail import admit_or_withhold, message_in


async def admit_letter(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Have a letter sent, or withhold it where its recipient is written to too often."""
    try:
        await admit_or_withhold(runtime, tenant_id, payload)
    except Unreadable as error:
        raise PermanentFailure("BOOM_SECRET has changed since it was written") from error


async def send_mail(runtime: Runtime, _tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
    """Send a sealed letter. It comes twice where the worker dies between sending and noting it."""
    try:
        message = message_in(runtime, payload)
    except Unreadable as error:
        raise PermanentFailure("BOOM_SECRET has changed since it was written") from error
    try:
        await cast("Mail", runtime.services[Mail]).send(message)
    except Undeliverable as error:
        raise PermanentFailure(str(error)) from error


async def send_password_reset(
    runtime: Runtime, _tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Find out whether somebody has the address that a new password was asked for, and write."""
    try:
        asked = asked_for_reset(runtime, payload)
    except Unreadable as error:
        raise PermanentFailure("BOOM_SECRET has changed since it was asked for") from error
    request = _from(asked)
    await send_reset(runtime, request, **asked)


async def send_guest_link(
    runtime: Runtime, _tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Find out whether there is the booking that a guest wants a link to, and write."""
    try:
        requested = requested_link(runtime, payload)
    except Unreadable as error:
        raise PermanentFailure("BOOM_SECRET has changed since it was requested") from error
    request = _from(requested)
    await send_requested_link(runtime, request, **requested)


def _from(told: dict[str, str]) -> Request:
    """A request from the network address of the one that caused the job, taken out of it."""
    return Request(new_id(), told.pop("address", None) or None)
