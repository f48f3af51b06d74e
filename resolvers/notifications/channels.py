"""Hands notifications over to what brings them: mail, SMS and web push."""

from datetime import timedelta
from functools import partial
from typing import Final, assert_never, cast
from uuid import UUID

import orjson
import structlog

from domain.core.phones import phone_digits
from domain.notifications.kinds import Channel
from domain.notifications.phone_numbers import e164
from integrations.delivery import OutcomeUnknown, Undeliverable
from integrations.mail.protocol import Mail, Message
from integrations.push.protocol import Push, PushSubscriptionKeys, SubscriptionGone
from integrations.sms.protocol import Sms, SmsMessage
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.allowances import Allowance, Allowances
from kit.settings import Settings
from resolvers.accounts.outgoing_mail import MailKind, is_admitted
from resolvers.core.transactions import perform
from resolvers.notifications.contents import Letter
from resolvers.notifications.mail_reports import message_id
from resolvers.notifications.push_subscriptions import push_subscriptions_of, remove_subscription

SMS_ANSWERS: Final = "/sms/twilio"
"""The path of the server for answers to SMS; below it, what becomes of each is reported."""
SMS_TO_NUMBER: Final = Allowance("SMS to a number", 5, timedelta(hours=1))
"""Per number, over all tenants, as nobody has to prove that a number is theirs."""
PUSHES: Final = Allowance("pushes to a user", 60, timedelta(hours=1))
PUSH_TTL: Final = timedelta(hours=12)
"""How long push services keep a message for a browser that is away."""

log = structlog.get_logger(__name__)


async def is_within_caps(runtime: Runtime, tenant_id: UUID, letter: Letter) -> bool:
    """Returns whether its recipient may get one more in this hour, and counts it."""
    allowances = cast("Allowances", runtime.services[Allowances])
    match letter.channel:
        case Channel.EMAIL:
            kind = MailKind.NOTICE if letter.is_verified else MailKind.NOTICE_TO_STRANGER
            return await is_admitted(runtime, tenant_id, to=letter.address, kind=kind, network="")
        case Channel.SMS:
            number = phone_digits(letter.address)
            return not await allowances.try_to_spend(SMS_TO_NUMBER, number)
        case Channel.PUSH:
            return not await allowances.try_to_spend(PUSHES, letter.address)
        case Channel.IN_APP:
            return True


async def hand_over(runtime: Runtime, tenant_id: UUID, letter: Letter) -> str | None:
    """Sends a letter, and returns the provider's id of it, if it has one.

    Raises DeliveryError, and others if a retry may succeed.
    """
    match letter.channel:
        case Channel.EMAIL:
            return await cast("Mail", runtime.services[Mail]).send(_mail(letter, tenant_id))
        case Channel.SMS:
            number = e164(letter.address, time_zone=letter.time_zone)
            if number is None:
                raise Undeliverable("what is stored as the number is none")
            receipt_url = _receipt_url(runtime, tenant_id, letter)
            message = SmsMessage(number, letter.content.text, letter.id, receipt_url)
            return await cast("Sms", runtime.services[Sms]).send(message)
        case Channel.PUSH:
            await _push(runtime, tenant_id, letter)
            return None
        case Channel.IN_APP:
            raise AssertionError("the inbox is in our own database")
        case never:
            assert_never(never)


def _receipt_url(runtime: Runtime, tenant_id: UUID, letter: Letter) -> str | None:
    """Returns where the provider reports what becomes of an SMS; None without a public address."""
    public_url = cast("Settings", runtime.services[Settings]).public_url
    return None if public_url is None else f"{public_url}{SMS_ANSWERS}/{tenant_id}/{letter.id}"


def _mail(letter: Letter, tenant_id: UUID) -> Message:
    headers = {**letter.headers}
    if letter.unsubscribe:
        # RFC 8058: mail programs send a POST to the address, without asking further.
        headers |= {
            "List-Unsubscribe": f"<{letter.unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    calendar = letter.content.calendar
    return Message(
        letter.address,
        letter.content.subject,
        letter.content.text,
        html=letter.content.html,
        calendar=None if calendar is None else (calendar.method, calendar.content),
        headers=headers,
        from_name=letter.sender_name,
        reply_to=letter.reply_to,
        message_id=message_id(tenant_id, letter.id),
    )


async def _push(runtime: Runtime, tenant_id: UUID, letter: Letter) -> None:
    """Sends a push to each browser of a user; it has arrived if one has taken it.

    So a user with two browsers may miss it in one of them, but none shows it twice.
    """
    system = Actor(ActorKind.SYSTEM, tenant_id)
    scope = Scope(runtime, system, Request(new_id()))
    try:
        subscriptions = await push_subscriptions_of(scope, UUID(letter.address))
    finally:
        await scope.close()
    payload = _payload(letter)
    push = cast("Push", runtime.services[Push])
    is_taken, problem = False, None
    for each in subscriptions:
        keys = PushSubscriptionKeys(each.endpoint, each.p256dh, each.auth)
        try:
            await push.send(keys, payload, ttl_seconds=int(PUSH_TTL.total_seconds()))
            is_taken = True
        except SubscriptionGone:
            await perform(runtime, system, Request(new_id()), partial(_forget, id=each.id))
        except OutcomeUnknown as error:
            # That browser may have it: a retry would show it there twice.
            is_taken = True
            log.warning("push.unknown", reason=str(error))
        except Exception as error:  # noqa: BLE001 - raised unless another browser has taken it
            problem = error
    if not is_taken:
        raise problem or Undeliverable("the user has no browser any more")


def _payload(letter: Letter) -> bytes:
    """Returns what the page's service worker shows, as JSON."""
    content = {
        "id": str(letter.id),
        "kind": letter.kind.value,
        "title": letter.content.subject,
        "body": letter.content.text,
        "url": letter.manage or None,
    }
    return orjson.dumps(content)


async def _forget(scope: Scope, id: UUID) -> None:
    await scope.lock(("push subscriptions",))
    await remove_subscription(scope, id)
