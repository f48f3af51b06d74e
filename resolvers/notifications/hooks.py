"""Lets later areas write what their own kinds of notifications tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.notifications.kinds import Channel, NotificationKind


def writing(kind: NotificationKind) -> str:
    """Returns the type under which a handler of ``NoticeDraft`` is registered."""
    return f"writing {kind}"


@dataclass(slots=True)
class NoticeDraft:
    """A notice of a kind, before it is written; handlers of its type complete it.

    ``stored`` are the details that were stored with it. Handlers add to ``details``, which become
    values of variables, and to the ``headers`` of a mail. ``reply_to`` is where answers go, if not
    to the venue's own address.
    """

    kind: NotificationKind
    channel: Channel
    stored: Mapping[str, Any]
    details: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    reply_to: str | None = None

    @property
    def type(self) -> str:
        return writing(self.kind)
