"""Rules for every field and type of the schema, including future ones."""

import re
from collections.abc import Iterator
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from commands.export import ROOT, ROOTS, exports, guarded_fields
from schema import schema
from schema.core.fields import COST, NODES

SDL: Final = exports()[ROOT / "schema.graphql"]
BUILT: Final = schema._schema

# Lists without pages, each with what keeps it short.
BOUNDED: Final = {
    "AlreadyMergedError.path": "as deep as inputs are",
    "Article.tags": "at most 20",
    "Analytics.byRoom": "as many as the venue has rooms, which its plan limits",
    "Analytics.byWeekdayHour": "at most 7 times 24",
    "Analytics.funnel": "at most 800 dates",
    "Analytics.series": "at most 1,000 points, or the query is refused",
    "Analytics.topCustomers": "at most 100",
    "ApiKey.permissions": "those of permissions/roles.py",
    "AssistantBudgetError.path": "as deep as inputs are",
    "AssistantUsage.days": "at most 800 dates, and as many models as were used",
    "AuditEntry.changes": "the fields of one object",
    "AvailabilityDelta.removed": "at most 10,000 of each grid that the venue had meanwhile",
    "AvailabilityDelta.upserted": "at most 10,000, or the subscription is refused",
    "Availability.slots": "at most 10,000, or the query is refused",
    "Billing.usageHistory": "at most 24 months",
    "Booking.allowedTransitions": "there are nine statuses",
    "Booking.payments": "one, those that the gateway made twice, and of moves all that were paid "
    "and at most 10 that were not",
    "Booking.rooms": "at most 20, or the change is refused",
    "Booking.refunds": "as many as managers asked for, of a minor unit or more each",
    "BookingChange.changes": "the fields of a booking",
    "BookingSeries.exceptDates": "at most 366: each is a date of the rule",
    "BookingsDontFitError.path": "as deep as inputs are",
    "ChangeTooLateError.path": "as deep as inputs are",
    "Message.citations": "an answer has at most 8,000 characters",
    "Message.parts": "an answer has at most 8,000 characters",
    "Message.proposals": "at most 8 things are tried for an answer",
    "MessagePart.citations": "an answer has at most 8,000 characters",
    "ProposalClosedError.path": "as deep as inputs are",
    "CheckInNotOpenError.path": "as deep as inputs are",
    "Coupon.rooms": "at most 100, or the change is refused",
    "CouponError.path": "as deep as inputs are",
    "ImportRow.problems": "at most 10 are stored",
    "Customer.tags": "at most 20, or the change is refused",
    "CustomerStats.spent": "one for each currency of the bookings",
    "DemandForecast.points": "at most 84 days",
    "DemandHints.fullHours": "the hours of a week",
    "DemandHints.prices": "one of each room in use",
    "DemandHints.quietHours": "the hours of a week",
    "DemandHints.staffing": "the hours of a week",
    "FeatureNotIncludedError.path": "as deep as inputs are",
    "GenericUserError.path": "as deep as inputs are",
    "GuestProofError.path": "as deep as inputs are",
    "GuestTicket.messages": "at most 100",
    "HoursException.intervals": "the input lists at most 100",
    "InboxChanged.added": "what one change added for one user",
    "LimitError.path": "as deep as inputs are",
    "NotificationTemplate.variables": "written in domain/notifications/variables.py",
    "NotificationPreferences.optedOut": "at most every kind by every channel",
    "NotificationSettings.reminders": "at most 6",
    "NotificationSettings.switches": "every kind by every channel",
    "OccurrencePreview.reasons": "there are about ten rules",
    "OpeningDay.intervals": "the input lists at most 100",
    "ParsedBookingRequest.alternatives": "at most 12",
    "ParsedBookingRequest.assumed": "a reason for each of its parts, or a few",
    "ParsedBookingRequest.doubts": "a reason for each of its parts, or a few",
    "ParsedBookingRequest.missing": "the parts of a request",
    "PaymentSettings.cancellationSteps": "at most 10, or the change is refused",
    "Presence.rooms": "at most 100 of the input, or those of the venue",
    "Plan.features": "written in domain/tenants/plans.py",
    "PlanLimitError.path": "as deep as inputs are",
    "PlatformMetrics.points": "at most 800 dates",
    "PriceBreakdown.lines": "one of each stretch of a rule, of the at most 100, in 31 days",
    "Query.blackouts": "at most 1,000, or the query is refused",
    "Query.hoursExceptions": "at most 1,000, or the query is refused",
    "Query.nodes": "at most 100 ids",
    "Query.notificationTemplates": "one of each kind, channel and language: 304",
    "Query.plans": "there are three",
    "PriceBreakdown.taxes": "one of each rate of the lines",
    "PriceConditions.categories": "at most 100",
    "PriceConditions.roomIds": "at most 100",
    "PriceConditions.weekdays": "the days of the week",
    "Query.priceRules": "at most 100, or the change is refused",
    "Query.quotas": "at most 50, or the change is refused",
    "Receipt.lines": "one for each payment",
    "RecurrencePreview.occurrences": "at most 366",
    "Room.openingHours": "at most 62 days",
    "Room.partOf": "at most 20, or the change is refused",
    "Room.parts": "at most 20, or the change is refused",
    "Room.weeklyHours": "seven days",
    "RoomPartsConflictError.conflicts": "at most 100",
    "RoomPartsConflictError.path": "as deep as inputs are",
    "SeriesConflictError.conflicts": "at most 366",
    "SeriesConflictError.path": "as deep as inputs are",
    "SkippedOccurrence.reasons": "there are about ten rules",
    "Slot.reasons": "there are about ten rules",
    "SlotConflictError.alternatives": "`first`, 3 by default",
    "SlotConflictError.conflicts": "as many as fit into the wanted time",
    "BookingsDontFitError.conflicts": "at most 100",
    "SlotConflictError.path": "as deep as inputs are",
    "SlotUnavailableError.path": "as deep as inputs are",
    "Query.searchArticles": "`first`, at most 20",
    "Query.suggestTimes": "`first`, at most 10",
    "TemplateChangedError.path": "as deep as inputs are",
    "SlotUnavailableError.reasons": "there are about ten rules",
    "StaleVersionError.path": "as deep as inputs are",
    "SubscriptionInactiveError.path": "as deep as inputs are",
    "SubscriptionMetrics.mrr": "one for each currency of the plans",
    "SupportSettings.targets": "one of each priority",
    "Tenant.weeklyHours": "seven days",
    "TimeSuggestion.reasons": "one for each criterion",
    "TicketTransitionError.allowedStatuses": "there are five",
    "TicketTransitionError.path": "as deep as inputs are",
    "TooManyRoomsError.path": "as deep as inputs are",
    "TooManyRoomsError.rooms": "at most 250",
    "UndoTooLateError.path": "as deep as inputs are",
    "User.permissions": "those of permissions/roles.py",
    "VenueArticle.tags": "at most 20",
    "VenueAvailability.slots": "at most 10,000, or the query is refused",
    "VenueRoom.openingHours": "at most 62 days",
    "Venue.searchArticles": "`first`, at most 20",
    "Venue.suggestTimes": "`first`, at most 10",
    "VenueTimeSuggestion.reasons": "one for each criterion",
    "WaitlistEntry.rooms": "the input lists at most 100",
    "WeeklyHours.intervals": "the input lists at most 100",
    "WebhookDelivery.attempts": "at most 20",
    "WebhookEndpoint.eventTypes": "those of domain/webhooks/events.py",
}
# Root fields that can't fail alone: what they read is there for everybody.
NEVER_NULL: Final = {"Query.nodes", "Query.plans", "Query.rateLimit"}


def test_everything_is_described() -> None:
    silent = [name for name, described in parts() if not (described.description or "").strip()]

    assert silent == []


def test_no_description_is_a_question_word_alone() -> None:
    riddles = [
        name
        for name, described in parts()
        if re.fullmatch(r"(Where|Which|When|Who|Whom|What)\.", described.description or "")
    ]

    assert riddles == []


def test_no_description_uses_words_that_only_the_team_knows() -> None:
    private = re.compile(r"\b(told|asked|whoever|worthless|ANDed|goes back|stands)\b")
    riddles = [name for name, each in parts() if private.search(each.description or "")]

    assert riddles == []


def test_every_refusal_with_data_is_told_to_client_developers() -> None:
    guide = (ROOT / "docs" / "clients.md").read_text()
    common = BUILT.type_map["UserError"]
    assert isinstance(common, GraphQLInterfaceType)
    with_data = {
        kind.name
        for kind in BUILT.get_possible_types(common)
        if kind.fields.keys() - common.fields.keys()
    }

    assert "LimitError" in with_data
    assert [name for name in sorted(with_data) if f"| `{name}` |" not in guide] == []


def test_the_data_of_all_refusals_can_be_selected_together() -> None:
    common = BUILT.type_map["UserError"]
    assert isinstance(common, GraphQLInterfaceType)
    shapes: dict[str, set[str]] = {}
    for kind in BUILT.get_possible_types(common):
        for name, field in kind.fields.items():
            of = get_named_type(field.type)
            shape = str(field.type)
            shapes.setdefault(name, set()).add(
                shape if is_leaf_type(of) else shape.replace(of.name, "object")
            )

    # A field of one name with two types makes a document invalid that selects both.
    assert {name: types for name, types in shapes.items() if len(types) > 1} == {}


def test_a_description_has_all_paragraphs_of_what_is_said() -> None:
    assert BUILT.mutation_type is not None
    described = BUILT.mutation_type.fields["requestGuestLink"].description

    assert described is not None
    first, second = described.split("\n\n")
    assert first.startswith("E-mail a new code for a booking")
    assert second.startswith("The result is the same whether or not there is such a booking.")
    assert "3 requests an hour" in second


def test_what_costs_by_its_arguments_says_how_much() -> None:
    prices = {
        f"{kind.name}.{name}": field.description or ""
        for kind in BUILT.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if (cost := field.extensions.get(COST)) is not None and cost.size is not None
    }

    assert {"Query.explainSlot", "Query.nodes", "Room.openingHours"} <= prices.keys()
    assert [name for name, text in prices.items() if not re.search(r"\d+ points?\b", text)] == []


def test_every_root_field_names_its_permission() -> None:
    guarded = {f"{each.type_name}.{each.field_name}" for each in guarded_fields(SDL)}

    unguarded = [name for name, _ in fields_of(*ROOTS) if name not in guarded]

    assert unguarded == []


def test_one_refused_field_leaves_the_rest_of_the_answer_standing() -> None:
    guarded = {f"{each.type_name}.{each.field_name}" for each in guarded_fields(SDL)}

    would_null_more = [
        name
        for name, field in output_fields()
        if name in guarded and is_non_null_type(field.type) and "Subscription." not in name
    ]

    assert set(would_null_more) == NEVER_NULL


def test_every_mutation_answers_with_its_refusals() -> None:
    answers = {name: get_named_type(field.type) for name, field in fields_of("Mutation")}

    without = [
        name
        for name, answer in answers.items()
        if not isinstance(answer, GraphQLObjectType)
        or answer.name != f"{name[9].upper()}{name[10:]}Payload"
        or str(answer.fields["userErrors"].type) != "[UserError!]!"
    ]

    assert without == []


def test_every_list_has_pages_or_is_short() -> None:
    endless = {
        name
        for name, field in output_fields()
        if is_list_type(bare(field.type))
        and not name.partition(".")[0].endswith(("Connection", "Payload"))
    }

    assert sorted(endless) == sorted(BOUNDED), "return pages, or list what bounds it in BOUNDED"


def test_every_list_with_pages_is_read_from_either_end() -> None:
    pageless = [
        name
        for name, field in output_fields()
        if get_named_type(field.type).name.endswith("Connection")
        and not {"first", "after", "last", "before"} <= set(field.args)
    ]

    assert pageless == []


def test_every_node_can_be_fetched_again_by_its_id() -> None:
    nodes = {
        name
        for name, kind in BUILT.type_map.items()
        if is_object_type(kind) and "Node" in {each.name for each in kind.interfaces}
    }

    assert nodes == set(NODES)


def test_the_exported_text_is_a_schema() -> None:
    read = build_schema(SDL)

    assert set(read.type_map) == set(BUILT.type_map)
    assert read.description == BUILT.description


def parts() -> Iterator[tuple[str, Any]]:
    """Yields the schema, and every type, field, argument and value that is ours."""
    yield "schema", BUILT
    for name, kind in BUILT.type_map.items():
        if name.startswith("__"):
            continue
        yield name, kind
        if is_enum_type(kind):
            yield from ((f"{name}.{each}", value) for each, value in kind.values.items())
        if is_input_object_type(kind):
            yield from ((f"{name}.{each}", field) for each, field in kind.fields.items())
        if is_object_type(kind) or is_interface_type(kind):
            for each, field in kind.fields.items():
                yield f"{name}.{each}", field
                yield from ((f"{name}.{each}({a}:)", arg) for a, arg in field.args.items())


def output_fields() -> Iterator[tuple[str, GraphQLField]]:
    return fields_of(
        *(name for name, kind in BUILT.type_map.items() if is_object_type(kind) and name[0] != "_")
    )


def fields_of(*type_names: str) -> Iterator[tuple[str, GraphQLField]]:
    for name in type_names:
        kind = BUILT.type_map[name]
        assert is_object_type(kind)
        yield from ((f"{name}.{each}", field) for each, field in kind.fields.items())


def bare(kind: Any) -> Any:
    return kind.of_type if is_non_null_type(kind) else kind
