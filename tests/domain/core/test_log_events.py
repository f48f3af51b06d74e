"""Log entries have the changed fields, and no contact data or free text."""

from uuid import UUID

from domain.core.log_events import Event, EventType, FieldChange, changes

SUBJECT = UUID("01940000-0000-7000-8000-000000000001")


def test_an_event_keeps_only_what_changed() -> None:
    event = Event(
        EventType.ROOM_UPDATED,
        subject_type="Room",
        subject_id=SUBJECT,
        before={"name": "Blue Room", "capacity": 8, "color": None},
        after={"name": "Green Room", "capacity": 8, "color": None},
    )

    assert event.before == {"name": "Blue Room"}
    assert event.after == {"name": "Green Room"}


def test_an_event_of_a_new_object_has_no_before() -> None:
    event = Event(
        EventType.ROOM_CREATED,
        subject_type="Room",
        subject_id=SUBJECT,
        after={"name": "Blue Room", "color": None},
    )

    assert event.before is None
    assert event.after == {"name": "Blue Room", "color": None}


def test_contact_data_of_a_customer_is_recorded_as_changed_without_its_values() -> None:
    event = Event(
        EventType.CUSTOMER_UPDATED,
        subject_type="Customer",
        subject_id=SUBJECT,
        before={"name": "Before", "email": "before@boom.test", "phone": None, "version": 1},
        after={"name": "Before", "email": "after@boom.test", "phone": "+15550100", "version": 2},
    )

    assert event.before == {"email": None, "phone": None, "version": 1}
    assert event.after == {"email": None, "phone": None, "version": 2}


def test_free_text_is_recorded_as_changed_without_its_values() -> None:
    event = Event(
        EventType.BOOKING_UPDATED,
        subject_type="Booking",
        subject_id=SUBJECT,
        before={"note": None, "party_size": 4},
        after={"note": "Surprise party", "party_size": 5},
    )

    assert changes(event.before, event.after) == (
        FieldChange("note", before=None, after=None),
        FieldChange("party_size", before=4, after=5),
    )


def test_an_event_without_fields_has_no_changes() -> None:
    event = Event(EventType.USER_JOINED, subject_type="User", subject_id=SUBJECT)

    assert changes(event.before, event.after) == ()
