"""Scalars accept only ASCII digits."""

from collections.abc import Callable

import pytest
from graphql import GraphQLError

from schema.core.scalars import parse_date, parse_date_time, parse_local_time

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_date_time, "2027-01-04T18:00:00Z"),
        (parse_date_time, "2027-01-04T18:00:00.123+01:00"),
        (parse_date, "2027-01-04"),
        (parse_local_time, "18:00"),
    ],
)
def test_digits_of_other_scripts_are_refused(parse: Callable[[object], object], text: str) -> None:
    assert parse(text)

    with pytest.raises(GraphQLError):
        parse(text.translate(ARABIC))
