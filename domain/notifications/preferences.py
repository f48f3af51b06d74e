"""What recipients can choose not to get: any kind, by any channel."""

from dataclasses import dataclass

from domain.notifications.kinds import Channel, NotificationKind


@dataclass(frozen=True, slots=True)
class NotificationChoice:
    """A kind of notification by a channel."""

    kind: NotificationKind
    channel: Channel

    def __str__(self) -> str:
        return f"{self.kind} {self.channel}"
