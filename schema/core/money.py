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
    """An amount of money in a currency, with as many decimal digits as the currency has in ISO
    4217.
    """

    amount: Decimal = column(
        "The amount as a decimal string, such as '29.00' for US dollars or '2900' for yen."
    )
    currency_code: CurrencyCode = column(
        "The currency of the amount: an ISO 4217 code such as 'USD'."
    )


MoneyInput = input_object(
    "MoneyInput",
    "An amount of money in a currency.",
    {
        "amount": (
            Annotated[
                Decimal,
                Doc(
                    "The amount as a decimal string, such as '29.00', with no more decimal digits "
                    "than the currency has."
                ),
            ],
            Parameter.empty,
        ),
        "currency_code": (
            Annotated[
                CurrencyCode, Doc("The currency of the amount: an ISO 4217 code such as 'USD'.")
            ],
            Parameter.empty,
        ),
    },
    stands_for=Amount,
    build=Amount.parse,
)
