"""The network addresses of callers, as allowances count them."""

import hmac
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from uuid import UUID

IPV6_PREFIX: Final = 64
"""One customer of a provider is given at least this much of the address space of IPv6."""


@lru_cache(10_000)
def address_of(text: str) -> str | None:
    """Returns the address as it is stored; None for what is none.

    A proxy passes on what it was told, and so may name anything.
    """
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def network_of(address: str | None) -> str:
    """Returns what counts as one address: IPv4 as it is, IPv6 its /64.

    An IPv4 address that is written as one of IPv6 counts as IPv4. What is no address at all, such
    as the path of a local socket, counts as itself.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    match parsed:
        case IPv6Address(ipv4_mapped=IPv4Address() as mapped):
            return str(mapped)
        case IPv6Address():
            # The zone of a link-local address is no part of a network.
            return str(ip_network((int(parsed), IPV6_PREFIX), strict=False))
        case IPv4Address():
            return str(parsed)


class Networks:
    """Names networks so that they can be compared within a tenant, and not be read."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hmac.digest(secret, b"networks of strangers, version 1", "sha256")

    def name(self, address: str | None, *, tenant_id: UUID) -> bytes:
        """A keyed hash of the network of an address, 16 bytes; another one in each tenant."""
        text = f"{tenant_id} {network_of(address)}"
        return hmac.digest(self._secret, text.encode(), "sha256")[:16]
