"""What visitors do: which events are taken, and how a day's conversion is shown."""

from datetime import date

from domain.analytics.behaviour import (
    FunnelDay,
    TrackedEvent,
    VisitorAction,
    event_refusals,
    without_repeats,
)

VIEWED, BOOKED = VisitorAction.VIEWED, VisitorAction.BOOKED


def test_a_request_has_1_to_100_events_with_short_ids() -> None:
    many = [TrackedEvent(str(number), VIEWED) for number in range(101)]
    wrong = [TrackedEvent("", VIEWED), TrackedEvent("a", VIEWED), TrackedEvent("a" * 65, VIEWED)]

    assert [each.path for each in event_refusals([])] == [("events",)]
    assert [each.path for each in event_refusals(many)] == [("events",)]
    assert event_refusals(many[:100]) == []
    assert [each.path for each in event_refusals(wrong)] == [
        ("events", 0, "id"),
        ("events", 2, "id"),
    ]


def test_an_event_that_is_sent_twice_counts_once_in_the_order_of_keys() -> None:
    events = [TrackedEvent(id, VIEWED) for id in ("a", "b", "c", "a")]

    unique = without_repeats([*events, TrackedEvent("b", BOOKED)])

    assert list(unique) == sorted(unique)
    assert list(unique.values()) == [VIEWED] * 3
    assert all(len(key) == 16 for key in unique)


def test_conversion_is_the_share_of_views_that_led_to_a_booking() -> None:
    assert FunnelDay(date(2027, 3, 1), viewed=3, booked=1).conversion == 0.3333
    assert FunnelDay(date(2027, 3, 1)).conversion is None
