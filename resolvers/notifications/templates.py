"""Templates of notifications: lists, changes and resets those of the venue."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from typing_extensions import Doc

from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid
from domain.core.text import LongText
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.languages import LANGUAGES, language_of
from domain.notifications.product_texts import product_template
from domain.notifications.refusals import TemplateChanged
from domain.notifications.templates import Template, one_line, template_refusals
from domain.notifications.variables import variables_of
from kit.scope import Scope
from models.core.base import snapshot
from models.notifications.templates import (
    NotificationTemplate,
    template_for,
    templates_of,
)
from resolvers.core.lookups import raise_all

Kind = Annotated[NotificationKind, Doc("What the notification is about.")]
Through = Annotated[Channel, Doc("The channel that brings it.")]
Language = Annotated[str, Doc("The language of the text: `en`, `de`, `es` or `fr`.")]
Version = Annotated[
    int,
    Doc(
        "The version of the template that you read; 0 if it was never changed. If it has changed "
        "since, the mutation is refused with STALE_VERSION."
    ),
]

_LISTED: Final = f"{', '.join(LANGUAGES[:-1])} and {LANGUAGES[-1]}"


@dataclass(frozen=True, slots=True)
class EffectiveTemplate:
    """The text that is in use for a kind, a channel and a language: the venue's, or the product's.

    ``version`` is 0, and ``updated_at`` None, if the venue never had one of its own.
    """

    kind: NotificationKind
    channel: Channel
    locale: str
    subject: str | None
    body: str
    is_custom: bool
    version: int
    updated_at: datetime | None

    @property
    def variables(self) -> list[str]:
        """The variables that it can have."""
        return [each.value for each in variables_of(self.kind)]


async def notification_templates(
    scope: Scope,
    *,
    kind: Annotated[
        NotificationKind | None, Doc("Only those of this kind; by default of all kinds.")
    ] = None,
    channel: Annotated[
        Channel | None, Doc("Only those of this channel; by default of all channels.")
    ] = None,
    locale: Annotated[
        str | None,
        Doc(
            "Only those for recipients with this locale, such as `de-AT`: in English if there are "
            "no texts in their language. By default in all languages."
        ),
    ] = None,
) -> list[EffectiveTemplate]:
    """The texts of the venue's notifications, by kind, channel and language: the venue's own, and
    otherwise the product's. At most 304.
    """
    rows = await scope.all(templates_of(scope.tenant_id))
    own = {(row.kind, row.channel, row.language): row for row in rows}
    languages = LANGUAGES if locale is None else (language_of(locale),)
    return [
        _effective(own.get((each_kind, each_channel, language)), each_kind, each_channel, language)
        for each_kind in ([kind] if kind else NotificationKind)
        for each_channel in ([channel] if channel else Channel)
        for language in languages
    ]


async def template_in_use(
    scope: Scope, kind: NotificationKind, channel: Channel, language: str
) -> Template:
    """Returns the text that is in use for a kind, a channel and a language."""
    row = await scope.one(template_for(scope.tenant_id, kind, channel, language))
    found = _effective(row, kind, channel, language)
    return Template(found.subject, found.body)


async def update_notification_template(
    scope: Scope,
    *,
    kind: Kind,
    channel: Through,
    locale: Language,
    version: Version,
    subject: Annotated[
        str | None,
        Doc(
            "The subject of the mail, or the title of the push message or inbox entry: one line of "
            "at most 150 characters. Required, except for an SMS, which has none."
        ),
    ] = None,
    body: Annotated[
        LongText,
        Doc(
            "The text: at most 5,000 characters for a mail, 600 for an SMS, 300 for a push message "
            "and 1,000 for an inbox entry. Empty lines separate paragraphs."
        ),
    ],
) -> EffectiveTemplate:
    """Replace a text of the venue's notifications.

    It is plain text, in which `{name}` is replaced by the value of a variable: see
    `NotificationTemplate.variables`. Unknown ones are refused. A line all of whose variables are
    empty is left out. Mails have the venue's name, a table of the booking's details and a button
    besides.
    """
    row, now = await _locked(scope, kind, channel, locale, version)
    wanted = Template(subject, body.strip())
    raise_all(list(template_refusals(kind, channel, wanted)))
    title = None if subject is None else one_line(subject)
    if now.is_custom and (title, wanted.body) == (now.subject, now.body):
        return now
    return _store(scope, row, now, title, wanted.body, EventType.NOTIFICATION_TEMPLATE_UPDATED)


async def reset_notification_template(
    scope: Scope, *, kind: Kind, channel: Through, locale: Language, version: Version
) -> EffectiveTemplate:
    """Give up the venue's own text, so that the product's is used again."""
    row, now = await _locked(scope, kind, channel, locale, version)
    if not now.is_custom:
        return now
    return _store(scope, row, now, None, None, EventType.NOTIFICATION_TEMPLATE_RESET)


async def _locked(
    scope: Scope, kind: NotificationKind, channel: Channel, locale: str, version: int
) -> tuple[NotificationTemplate | None, EffectiveTemplate]:
    """Returns a template as it is stored and as it is in use. Raises Invalid, TemplateChanged."""
    if locale not in LANGUAGES:
        raise Invalid(f"Texts are in {_LISTED}.", path=("locale",))
    await scope.lock(("notification templates",))
    row = await scope.one(template_for(scope.tenant_id, kind, channel, locale))
    now = _effective(row, kind, channel, locale)
    if now.version != version:
        raise TemplateChanged(now, path=("version",))
    return row, now


def _store(
    scope: Scope,
    row: NotificationTemplate | None,
    now: EffectiveTemplate,
    subject: str | None,
    body: str | None,
    type: EventType,
) -> EffectiveTemplate:
    before = None if row is None else snapshot(row)
    if row is None:
        row = scope.add(
            NotificationTemplate(
                tenant_id=scope.tenant_id,
                kind=now.kind.value,
                channel=now.channel.value,
                language=now.locale,
                version=0,
                updated_at=scope.now(),
            )
        )
    row.subject, row.body = subject, body
    row.version += 1
    row.updated_at = scope.now()
    scope.emit(Event(type, "NotificationTemplate", row.id, before=before, after=snapshot(row)))
    return _effective(row, now.kind, now.channel, now.locale)


def _effective(
    row: NotificationTemplate | None, kind: NotificationKind, channel: Channel, language: str
) -> EffectiveTemplate:
    own = Template(row.subject, row.body) if row is not None and row.body is not None else None
    text = own or product_template(kind, channel, language)
    return EffectiveTemplate(
        kind,
        channel,
        language,
        subject=text.subject,
        body=text.body,
        is_custom=own is not None,
        version=row.version if row else 0,
        updated_at=row.updated_at if row else None,
    )
