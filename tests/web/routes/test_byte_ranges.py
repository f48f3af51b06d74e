"""Byte ranges: what a client asks for is what it gets, and nonsense is the whole file."""

import pytest

from web.routes.byte_ranges import ByteRange, Unsatisfiable, matches, range_of


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("BYTES=90-500", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=20-10", None),
        ("bytes=0-9,20-29", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("rows=0-9", None),
        (f"bytes=0-{'9' * 400}", None),
    ],
)
def test_a_range_is_within_the_file(header: str | None, expected: tuple[int, int] | None) -> None:
    assert range_of(header, size=100) == (ByteRange(*expected) if expected else None)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        range_of(header, size=100)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1"])
def test_an_empty_file_has_no_ranges(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        range_of(header, size=0)


@pytest.mark.parametrize(
    ("header", "expected"),
    [("", False), ('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False)],
)
def test_a_known_file_is_recognised(header: str, expected: bool) -> None:
    assert matches(header, '"a"') is expected
