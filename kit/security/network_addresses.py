"""Normalizes network addresses of callers for limits."""

import hmac
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from uuid import UUID

IPV6_PREFIX: Final = 64
"""Providers assign at least this much of the IPv6 address space to each customer."""


@lru_cache(10_000)
def address_of(text: str) -> str | None:
    """Returns the address in the form that is stored; None for an invalid one.

    Proxies forward headers from clients, so the text may be anything.
    """
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def network_of(address: str | None) -> str:
    """Returns what counts as one address: an IPv4 address, or the /64 network of IPv6.

    IPv4-mapped IPv6 addresses count as IPv4. Text that isn't an address, such as the path of a
    local socket, is returned unchanged.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    match parsed:
        case IPv6Address(ipv4_mapped=IPv4Address() as mapped):
            return str(mapped)
        case IPv6Address():
            # Without the zone of a link-local address, which isn't part of a network.
            return str(ip_network((int(parsed), IPV6_PREFIX), strict=False))
        case IPv4Address():
            return str(parsed)


class Networks:
    """Pseudonymizes networks, so that they can be compared within a tenant but not read."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hmac.digest(secret, b"networks of strangers, version 1", "sha256")

    def name(self, address: str | None, *, tenant_id: UUID) -> bytes:
        """Returns a keyed hash of an address's network, 16 bytes, different in each tenant."""
        text = f"{tenant_id} {network_of(address)}"
        return hmac.digest(self._secret, text.encode(), "sha256")[:16]
