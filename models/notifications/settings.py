"""What venues have chosen about notifications; a venue without a row has the defaults."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Select, SmallInteger, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, col

from domain.core.local_time import LocalTime
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.settings import (
    DEFAULT_REMINDERS,
    ChannelSwitch,
    QuietHours,
    Reminder,
    is_on,
)
from models.core.base import Logged, TenantRow

_IN_A_DAY: Final = "BETWEEN 0 AND 1439"


def stored_reminders(reminders: Sequence[Reminder]) -> list[Any]:
    """Returns reminders as they are stored."""
    return [[each.minutes_before, each.channel.value] for each in reminders]


class NotificationSettings(TenantRow, Logged, table=True):
    """The settings of a venue; the id is the tenant's."""

    LOGGED: ClassVar = (
        "chosen",
        "reminder_list",
        "quiet_from",
        "quiet_until",
        "digest_at",
        "sender_name",
        "reply_to",
        "booking_page",
    )

    __tablename__ = "notification_settings"
    __table_args__ = (
        CheckConstraint("id = tenant_id", name="id"),
        CheckConstraint(f"quiet_from {_IN_A_DAY}", name="quiet_from"),
        CheckConstraint(f"quiet_until {_IN_A_DAY}", name="quiet_until"),
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet"),
        CheckConstraint(f"digest_at {_IN_A_DAY}", name="digest_at"),
    )

    chosen: dict[str, bool] = Field(
        default_factory=dict,
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")),
        description="Whether a kind is sent by a channel, by ``switch_key``, where it was chosen.",
    )
    reminder_list: list[Any] = Field(
        default_factory=lambda: stored_reminders(DEFAULT_REMINDERS),
        sa_column=Column(JSONB, nullable=False),
        description="Minutes before the start, and the channel, of each.",
    )
    quiet_from: int | None = Field(
        default=None, sa_type=SmallInteger, description="In minutes after midnight, like the rest."
    )
    quiet_until: int | None = Field(default=None, sa_type=SmallInteger)
    digest_at: int | None = Field(
        default=None, sa_type=SmallInteger, description="Null: the team gets no digest."
    )
    sender_name: str | None = Field(default=None, description="Null: the venue's name.")
    reply_to: str | None = None
    booking_page: str | None = Field(
        default=None,
        description="The venue's page for a booking, with {code} for the guest's code.",
    )
    version: int = 1

    @classmethod
    def default(cls, tenant_id: UUID) -> "NotificationSettings":
        """Returns what holds for a venue that has chosen nothing."""
        return cls(tenant_id=tenant_id, id=tenant_id)

    def sends(self, kind: NotificationKind, channel: Channel) -> bool:
        return is_on(self.chosen, kind, channel)

    @property
    def switches(self) -> list[ChannelSwitch]:
        """Whether each kind is sent by each channel."""
        return [
            ChannelSwitch(kind, channel, self.sends(kind, channel))
            for kind in NotificationKind
            for channel in Channel
        ]

    @property
    def reminders(self) -> list[Reminder]:
        return [Reminder(minutes, Channel(channel)) for minutes, channel in self.reminder_list]

    @property
    def quiet_hours(self) -> QuietHours | None:
        """The local times between which no reminders are sent."""
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return QuietHours(LocalTime(self.quiet_from), LocalTime(self.quiet_until))

    @property
    def digest_time(self) -> LocalTime | None:
        return None if self.digest_at is None else LocalTime(self.digest_at)


def notification_settings_of(tenant_id: UUID) -> Select[NotificationSettings]:
    return select(NotificationSettings).where(col(NotificationSettings.tenant_id) == tenant_id)
