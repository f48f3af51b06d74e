"""Money: exact decimals outside, whole minor units inside."""

from inspect import Parameter
from typing import Annotated

from typing_extensions import Doc

from domain.core.money import CurrencyCode
from domain.core.money import Money as Amount
from schema.core.fields import column, value
from schema.core.inputs import input_object
from schema.core.scalars import Decimal


@value(Amount)
class Money:
    """An exact amount in a currency, with as many digits as ISO 4217 gives it."""

    amount: Decimal = column("As a decimal string: '29.00' USD, '2900' JPY.")
    currency_code: CurrencyCode = column("ISO 4217 code.")


MoneyInput = input_object(
    "MoneyInput",
    "An exact amount in a currency.",
    {
        "amount": (
            Annotated[Decimal, Doc("As a decimal string: '29.00'; no more digits than usual.")],
            Parameter.empty,
        ),
        "currency_code": (Annotated[CurrencyCode, Doc("ISO 4217 code.")], Parameter.empty),
    },
    stands_for=Amount,
    build=Amount.parse,
)
