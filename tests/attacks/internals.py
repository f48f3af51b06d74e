"""Finds internals of the server, such as stack traces or SQL, in a response."""

import re
from typing import Final

MARKS: Final = re.compile(
    r"Traceback|site-packages|\.py\b|sqlalchemy|asyncpg|psycopg|postgres|strawberry|orjson"
    r"|object at 0x|<class |sys\.set_|NoneType|\bSELECT |\bINSERT |\bUPDATE .* SET|\bFROM \w+ WHERE"
    r"|pg_|relation \"|violates|unhashable|unexpected keyword|not subscriptable|codec can't"
    r"|\bINTERNAL\b",
    re.IGNORECASE,
)


def internals_in(answer: str) -> list[str]:
    """Returns the internals in a response, including the masked code INTERNAL."""
    return sorted({found.group() for found in MARKS.finditer(answer)})
