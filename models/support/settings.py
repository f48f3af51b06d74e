"""What venues have chosen about support; a venue without a row has the defaults."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Select, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, col

from domain.support.settings import DEFAULT_CLOSE_DAYS, MAX_CLOSE_DAYS
from domain.support.sla import DEFAULT_TARGETS, SlaTarget, target_for
from domain.support.tickets import TicketPriority
from models.core.base import Logged, TenantRow


def stored_targets(targets: tuple[SlaTarget, ...]) -> list[Any]:
    """Returns targets as they are stored."""
    return [
        [each.priority.value, each.first_reply_minutes, each.resolution_minutes] for each in targets
    ]


class SupportSettings(TenantRow, Logged, table=True):
    """The settings of a venue; the id is the tenant's."""

    LOGGED: ClassVar = ("target_list", "close_after_days", "takes_guest_tickets")

    __tablename__ = "support_settings"
    __table_args__ = (
        CheckConstraint("id = tenant_id", name="id"),
        CheckConstraint(
            f"close_after_days BETWEEN 1 AND {MAX_CLOSE_DAYS}", name="close_after_days"
        ),
    )

    target_list: list[Any] = Field(
        default_factory=lambda: stored_targets(DEFAULT_TARGETS),
        sa_column=Column(JSONB, nullable=False),
        description="Priority, minutes until the first reply, minutes until the solution, of each.",
    )
    close_after_days: int = DEFAULT_CLOSE_DAYS
    takes_guest_tickets: bool = True
    version: int = 1

    @classmethod
    def default(cls, tenant_id: UUID) -> "SupportSettings":
        """Returns what holds for a venue that has chosen nothing."""
        return cls(tenant_id=tenant_id, id=tenant_id)

    @property
    def targets(self) -> list[SlaTarget]:
        """The target of each priority, the least urgent first."""
        stored = [
            SlaTarget(TicketPriority(priority), reply, resolution)
            for priority, reply, resolution in self.target_list
        ]
        return [target_for(stored, each) for each in TicketPriority]


def support_settings_of(tenant_id: UUID) -> Select[SupportSettings]:
    return select(SupportSettings).where(col(SupportSettings.tenant_id) == tenant_id)
