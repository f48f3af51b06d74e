"""SQL expressions for values that properties and functions of rows return in Python."""

from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, literal_column

from domain.core.money import currencies_with_digits
from kit.graphql.field_sources import Value


def money(minor: ColumnElement[Any], currency_code: ColumnElement[str]) -> Value:
    """Returns an exact amount with its currency's digits; null without an amount."""
    amount = case(
        (currency_code.in_(currencies_with_digits(0)), cast(minor, Text)),
        (
            currency_code.in_(currencies_with_digits(3)),
            cast(minor * decimal_literal("0.001"), Text),
        ),
        else_=cast(minor * decimal_literal("0.01"), Text),
    )
    return Value(present=minor.is_not(None), amount=amount, currency_code=currency_code)


def decimal_literal(decimal: str) -> ColumnElement[Any]:
    return literal_column(decimal)


def same_row(_: Any, row: Any) -> Any:
    """Returns the same row, for another type to read."""
    return row
