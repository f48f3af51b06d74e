"""The ids of the product's objects, one type each."""

from typing import NewType
from uuid import UUID

NodeId = NewType("NodeId", UUID)
"""The id of an object of any type."""

TenantId = NewType("TenantId", UUID)
UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)
RoomId = NewType("RoomId", UUID)
CustomerId = NewType("CustomerId", UUID)
BookingId = NewType("BookingId", UUID)
BookingSeriesId = NewType("BookingSeriesId", UUID)
BookingQuotaId = NewType("BookingQuotaId", UUID)
WaitlistEntryId = NewType("WaitlistEntryId", UUID)
CouponId = NewType("CouponId", UUID)
CalendarFeedId = NewType("CalendarFeedId", UUID)
InboxEntryId = NewType("InboxEntryId", UUID)
PushSubscriptionId = NewType("PushSubscriptionId", UUID)
NotificationDeliveryId = NewType("NotificationDeliveryId", UUID)
WebhookEndpointId = NewType("WebhookEndpointId", UUID)
WebhookDeliveryId = NewType("WebhookDeliveryId", UUID)
TicketId = NewType("TicketId", UUID)
CannedReplyId = NewType("CannedReplyId", UUID)
ArticleId = NewType("ArticleId", UUID)
BlackoutId = NewType("BlackoutId", UUID)
ExportId = NewType("ExportId", UUID)
ImportId = NewType("ImportId", UUID)
PriceRuleId = NewType("PriceRuleId", UUID)
HoursExceptionId = NewType("HoursExceptionId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
ProposalId = NewType("ProposalId", UUID)
