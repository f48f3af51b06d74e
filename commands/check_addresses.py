"""Lists stored e-mail addresses that need attention: `python -m commands.check_addresses`.

Addresses that aren't exactly one address, so that no mail is sent; addresses that also find
another record; and records whose user logs in with another address. Changes nothing.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import asyncpg

from commands.database_logins import CannotRun, present_owner
from domain.core.contact import normalised_email
from kit.settings import SettingsError, load_settings

_PEOPLE: Final = """
    SELECT 'user' AS kind, id, email, email_key, customer_id FROM users WHERE tenant_id = $1
    UNION ALL SELECT 'customer', id, email, email_key, NULL
    FROM customers WHERE tenant_id = $1 AND email IS NOT NULL
    ORDER BY kind, email_key
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if there is nothing to report, 1 if there is, 2 without a database."""
    argparse.ArgumentParser(
        prog="python -m commands.check_addresses",
        description="List stored e-mail addresses that a person should check; change nothing.",
    ).parse_args(arguments)
    try:
        return asyncio.run(_check())
    except (CannotRun, SettingsError, OSError, asyncpg.PostgresError) as error:
        print(error, file=sys.stderr)
        return 2


async def _check() -> int:
    connection = await asyncpg.connect(present_owner(load_settings()))
    number = 0
    try:
        for tenant in await connection.fetch("SELECT id, subdomain FROM tenants ORDER BY 2"):
            async with connection.transaction():
                # Row-level security applies to the owner too.
                await connection.execute(
                    "SELECT set_config('app.tenant', $1, true)", str(tenant["id"])
                )
                people = await connection.fetch(_PEOPLE, tenant["id"])
            for row, why in _doubtful(people):
                number += 1
                who = f"{row['kind']} {row['id']}"
                print(f"{tenant['subdomain']:<20}  {who}  {row['email']!a}: {why}")
    finally:
        await connection.close()
    print(f"{number} to look at." if number else "All stored addresses are well.")
    return 1 if number else 0


def _doubtful(people: Sequence[Any]) -> Iterator[tuple[Any, str]]:
    """Yields each row with a problem, and the problem."""
    holders = {(row["kind"], row["email_key"]): row["id"] for row in people}
    customers = {row["id"]: row for row in people if row["kind"] == "customer"}
    for row in people:
        key = normalised_email(row["email"])
        if key is None:
            yield row, "no e-mail address; no mail goes there"
        elif key != row["email_key"]:
            holder = holders.get((row["kind"], key))
            yield row, f"also the address of {row['kind']} {holder}, who is found by it"
        own = customers.get(row["customer_id"])
        if own is not None and own["email_key"] != row["email_key"]:
            yield row, f"the customer record {own['id']} has another address: {own['email']!a}"


if __name__ == "__main__":
    sys.exit(main())
