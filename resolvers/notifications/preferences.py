"""What recipients choose to get."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import select
from typing_extensions import Doc

from domain.accounts.refusals import EmailNotVerified, InvalidCredentials
from domain.accounts.users import Role
from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid
from domain.core.text import TokenText
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.preferences import NotificationChoice
from kit.errors import Unauthenticated
from kit.scope import Scope
from kit.security.tokens import RecipientLink, RecipientLinks
from models.customers.known import kept_id
from models.notifications.opt_outs import NotificationOptOut, opt_outs_of, opt_outs_removed
from resolvers.bookings.guest_links import guest
from resolvers.core.lookups import raise_all

MAX_CHOICES: Final = len(NotificationKind) * len(Channel)

Choices = tuple[NotificationChoice, ...]


@dataclass(frozen=True, slots=True)
class NotificationPreferences:
    """What a recipient doesn't want to get."""

    opted_out: Sequence[NotificationChoice]


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose preferences they are."""

    id: UUID
    is_customer: bool


async def notification_preferences(scope: Scope) -> NotificationPreferences:
    """What the caller has chosen not to get from this venue."""
    owner = _caller(scope)
    return NotificationPreferences([] if owner is None else await _opted_out(scope, owner))


async def update_notification_preferences(
    scope: Scope,
    *,
    opt_out: Annotated[Choices, Doc("What not to get any more.")] = (),
    opt_in: Annotated[Choices, Doc("What to get again, as far as the venue sends it.")] = (),
    link: Annotated[
        TokenText | None,
        Doc(
            "The last part of the address by which a message can be unsubscribed from, for its "
            "recipient who isn't logged in."
        ),
    ] = None,
) -> NotificationPreferences:
    """Choose which notifications to get, by kind and channel.

    Callers choose for themselves: customers about their bookings, members of the team about the
    venue's. With `link`, no login is needed.
    """
    owner = _caller(scope) if link is None else await _by_link(scope, link)
    if owner is None:
        raise EmailNotVerified
    for name, given in (("opt_out", opt_out), ("opt_in", opt_in)):
        if len(given) > MAX_CHOICES:
            raise_all([Invalid(f"At most {MAX_CHOICES} choices.", path=(name,))])
    await _change(scope, owner, opt_out=opt_out, opt_in=opt_in)
    return NotificationPreferences(await _opted_out(scope, owner))


async def unsubscribe(scope: Scope, link: RecipientLink) -> None:
    """Stops what a message's link is about: its kind, by its channel."""
    choice = NotificationChoice(NotificationKind(link.kind), Channel(link.channel))
    await _change(scope, await _recipient(scope, link), opt_out=(choice,), opt_in=())


def _caller(scope: Scope) -> _Owner | None:
    """Returns the caller's preferences' owner; None for one whose address isn't verified yet."""
    actor = scope.actor
    if actor.user_id is None:
        raise Unauthenticated("Log in first, or give the link of a message.")
    if actor.own_id is not None:
        return _Owner(actor.own_id, is_customer=True)
    return None if actor.role == Role.CUSTOMER else _Owner(actor.user_id, is_customer=False)


async def _by_link(scope: Scope, text: str) -> _Owner:
    link = scope.service(RecipientLinks).read(text)
    if link is None:
        raise InvalidCredentials(path=("link",))
    return await _recipient(scope, link)


async def _recipient(scope: Scope, link: RecipientLink) -> _Owner:
    """Switches to the recipient of a message; of a merged customer, to the one that was kept."""
    scope.actor = guest(link.tenant_id)
    await scope.enter(link.tenant_id)
    if not link.is_customer:
        return _Owner(link.recipient_id, is_customer=False)
    kept = await scope.read_outside(select(kept_id(scope.tenant_id, link.recipient_id)))
    assert kept is not None, "customers are only removed by merges"
    return _Owner(kept, is_customer=True)


async def _change(scope: Scope, owner: _Owner, *, opt_out: Choices, opt_in: Choices) -> None:
    await scope.lock(("notification preferences", owner.id))
    before = await _opted_out(scope, owner)
    for choice in {*opt_out} - {*before}:
        scope.add(
            NotificationOptOut(
                tenant_id=scope.tenant_id,
                customer_id=owner.id if owner.is_customer else None,
                user_id=None if owner.is_customer else owner.id,
                kind=choice.kind.value,
                channel=choice.channel.value,
                created_at=scope.now(),
            )
        )
    await scope.flush()
    for choice in opt_in:
        await scope.run(opt_outs_removed(scope.tenant_id, owner.id, choice.kind, choice.channel))
    after = await _opted_out(scope, owner)
    if before != after:
        scope.emit(
            Event(
                EventType.NOTIFICATION_PREFERENCES_CHANGED,
                "Customer" if owner.is_customer else "User",
                owner.id,
                before={"opted_out": [str(each) for each in before]},
                after={"opted_out": [str(each) for each in after]},
            )
        )


async def _opted_out(scope: Scope, owner: _Owner) -> Sequence[NotificationChoice]:
    """Returns what somebody has opted out of, in the order of kinds and channels."""
    found = await scope.all(opt_outs_of(scope.tenant_id, [owner.id]))
    chosen = {(each.kind, each.channel) for each in found}
    return [
        NotificationChoice(kind, channel)
        for kind in NotificationKind
        for channel in Channel
        if (kind, channel) in chosen
    ]
