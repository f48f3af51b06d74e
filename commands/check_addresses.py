"""Stored e-mail addresses that a person should look at: `python -m commands.check_addresses`.

Those that are no single address, to which no mail goes; those that somebody else's record is
found by; and records whose user logs in with another address. Nothing is changed.
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
    """0 when there is nothing to look at, 1 when there is, 2 without a database."""
    argparse.ArgumentParser(
        prog="python -m commands.check_addresses",
        description="List stored e-mail addresses that a person should look at; change nothing.",
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
                # Row-level security holds for the owner as well.
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
    """Each row that has something about it, and what."""
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
