"""A venue's settings of support, and its canned replies."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType as E
from domain.support import sla
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.support import canned_replies, settings
from schema.core.connections import Connection, connection
from schema.core.fields import Node, column, node, query, value
from schema.core.inputs import input_type
from schema.core.mutations import deleted_id, mutation, payload
from schema.support.kinds import TicketPriority

input_type(
    sla.SlaTarget,
    "How soon the venue wants to answer tickets of a priority, in minutes of its opening hours.",
    name="SlaTargetInput",
    priority="The priority.",
    first_reply_minutes="The minutes until the first reply: 5 to 43,200.",
    resolution_minutes="The minutes until the ticket is solved: 5 to 43,200, and not less than "
    "until the first reply.",
)


@value(sla.SlaTarget)
class SlaTarget:
    """How soon the venue wants to answer tickets of a priority, in minutes of its opening hours.

    The clock is paused while the venue is closed, and while a ticket is PENDING or SOLVED.
    """

    priority: TicketPriority = column("The priority.")
    first_reply_minutes: int = column("The minutes until the first reply.")
    resolution_minutes: int = column("The minutes until the ticket is solved.")


@node(models.SupportSettings, visible=settings.visible_settings, requires=P.SUPPORT_READ)
class SupportSettings(Node):
    """How soon a venue wants to answer, and what it takes."""

    targets: list[SlaTarget] = column("The target of each priority, the least urgent first.")
    close_after_days: int = column(
        "How many days of 24 hours a ticket stays SOLVED before it is closed."
    )
    takes_guest_tickets: bool = column("Whether people without an account can open tickets.")
    version: int = column(
        "The version of the settings. It increases with every change; pass it to "
        "`updateSupportSettings`."
    )


@node(
    models.CannedReply,
    visible=canned_replies.visible_canned_replies,
    requires=P.SUPPORT_READ,
)
class CannedReply(Node):
    """A reply that was written in advance."""

    title: str = column("What the team finds it by.")
    text: str = column("The text, with variables such as `{first_name}`.")
    version: int = column(
        "The version of the canned reply. It increases with every change; pass it to "
        "`updateCannedReply`."
    )
    created_at: datetime = column("When it was written.")
    updated_at: datetime = column("When it last changed.")


@strawberry.type
class SupportSettingsQueries:
    support_settings: SupportSettings | None = query(
        settings.support_settings, requires=P.SUPPORT_READ, cost=Cost(2)
    )
    canned_replies: Connection[CannedReply] | None = connection(
        canned_replies.canned_replies, requires=P.SUPPORT_READ
    )


@payload
class UpdateSupportSettingsPayload:
    """The result of `updateSupportSettings`."""

    settings: SupportSettings | None


@payload
class CreateCannedReplyPayload:
    """The result of `createCannedReply`."""

    canned_reply: CannedReply | None


@payload
class UpdateCannedReplyPayload:
    """The result of `updateCannedReply`."""

    canned_reply: CannedReply | None


@payload
class DeleteCannedReplyPayload:
    """The result of `deleteCannedReply`."""

    deleted_id: strawberry.ID | None = deleted_id("CannedReply")


@strawberry.type
class SupportSettingsMutations:
    update_support_settings: UpdateSupportSettingsPayload | None = mutation(
        settings.update_support_settings,
        requires=P.TENANT_WRITE,
        emits=[E.SUPPORT_SETTINGS_CHANGED],
    )
    create_canned_reply: CreateCannedReplyPayload | None = mutation(
        canned_replies.create_canned_reply,
        requires=P.SUPPORT_WRITE,
        emits=[E.CANNED_REPLY_CREATED],
    )
    update_canned_reply: UpdateCannedReplyPayload | None = mutation(
        canned_replies.update_canned_reply,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.CANNED_REPLY_UPDATED],
    )
    delete_canned_reply: DeleteCannedReplyPayload | None = mutation(
        canned_replies.delete_canned_reply,
        requires=P.SUPPORT_WRITE,
        finds_by=P.SUPPORT_READ,
        emits=[E.CANNED_REPLY_DELETED],
    )
