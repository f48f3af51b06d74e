"""Event cursors are decoded as they were encoded, and other texts are rejected."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.events.event_cursors import LogOffset, LogPosition, decode_cursor, encode_cursor

TENANT = UUID("01890000-0000-7000-8000-000000000001")
NUMBERS = st.integers(0, 2**63 - 1)


@given(st.uuids(), NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=16))
def test_a_cursor_reads_back_as_it_was_written(
    tenant_id: UUID, generation: int, xid: int, position: int, extra: bytes
) -> None:
    bookmark = LogPosition(tenant_id, generation, LogOffset(xid, position), extra)

    assert decode_cursor(encode_cursor(bookmark)) == bookmark


@given(st.text())
def test_no_other_text_is_a_cursor(text: str) -> None:
    found = decode_cursor(text)

    assert found is None or encode_cursor(found) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A" * 55,
        "A" * 57,
        "A" * 80,
        "é" * 56,
        "\x00" * 56,
        " " + encode_cursor(LogPosition(TENANT, 1, LogOffset(5, 7))),
        encode_cursor(LogPosition(TENANT, 1, LogOffset(5, 7))).rstrip("="),
        encode_cursor(LogPosition(TENANT, 2**64 - 1, LogOffset(5, 7))),
        encode_cursor(LogPosition(TENANT, 1, LogOffset(2**63, 7))),
        encode_cursor(LogPosition(TENANT, 1, LogOffset(5, 2**63))),
    ],
)
def test_what_was_never_handed_out_is_refused(text: str) -> None:
    assert decode_cursor(text) is None


def test_places_sort_as_the_log_is_read() -> None:
    assert LogOffset(5, 9) < LogOffset(6, 1) < LogOffset(6, 2)
