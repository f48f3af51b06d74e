"""Network addresses that anybody on the Internet may reach, and URLs that can have them.

Requests to other addresses would reach what only our own machines may: databases, admin pages, and
the cloud's metadata.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

MAX_URL: Final = 2_000
"""The characters of a URL."""
MAX_LABEL: Final = 63
MAX_HOST: Final = 253
"""The characters of a name without a dot at its end."""

Address = IPv4Address | IPv6Address

# Python's `is_global` is true of these: they lead to IPv4 addresses, or to nobody in particular.
_LEADING_ELSEWHERE: Final = tuple(
    map(
        IPv6Network,
        ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2002::/16", "fec0::/10"),
    )
)
_LOCAL_NAMES: Final = re.compile(r"(?:.*\.)?(?:localhost|local|internal|lan|home\.arpa)")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
# Of a number, in any base: some resolvers read it as an address.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# RFC 3986, section 2; brackets also where many write them unencoded.
_CHARACTERS: Final = re.compile(
    r"(?:[\w.~:/?#\[\]@!$&'()*+,;=-]|%[0-9a-f]{2})+", re.ASCII | re.IGNORECASE
)
_HTTPS_PORT: Final = 443
_FIRST_FREE_PORT: Final = 1024


def is_public(address: Address) -> bool:
    """Returns whether an address is one of a machine on the Internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _LEADING_ELSEWHERE):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_loopback(address: Address) -> bool:
    """Returns whether an address is one of the same machine."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def url_problem(text: str, *, allows_loopback: bool) -> str | None:
    """Returns what is wrong with a URL to which requests are to be sent, for a person; or None.

    What its name stands for isn't looked up: that may change, and is checked by each request. With
    ``allows_loopback``, http:// and any port are fine for this machine.
    """
    if len(text) > MAX_URL:
        return f"The URL must be at most {MAX_URL:,} characters long."
    if text and not _CHARACTERS.fullmatch(text):
        return "The URL must have no spaces and only characters of URLs; encode others, as %20."
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "This isn't a URL such as https://example.com/hooks."
    if parts.username is not None or parts.password is not None:
        return "The URL must have no user name or password in it."
    if "#" in text:
        return "The URL must have no fragment, which is never sent."
    if not host:
        return "The URL must have a host, as https://example.com/hooks has."
    if allows_loopback and _is_this_machine(host) and parts.scheme in {"http", "https"}:
        return None
    if parts.scheme != "https":
        return "The URL must begin with https://."
    if port is not None and port != _HTTPS_PORT and port < _FIRST_FREE_PORT:
        return f"The port must be {_HTTPS_PORT}, or {_FIRST_FREE_PORT} to 65535."
    return _host_problem(host)


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or _is_literal(host) is True


def _is_literal(host: str) -> bool | None:
    """Returns whether a host is an address of this machine; None if it is a name."""
    try:
        return is_loopback(ip_address(host))
    except ValueError:
        return None


def _host_problem(host: str) -> str | None:
    not_public = "The host must be one that everybody on the Internet can reach."
    try:
        return None if is_public(ip_address(host)) else not_public
    except ValueError:
        pass
    name = host.removesuffix(".")
    if _LOCAL_NAMES.fullmatch(name):
        return not_public
    labels = name.split(".")
    is_name = all(_LABEL.fullmatch(each) and len(each) <= MAX_LABEL for each in labels)
    is_name &= len(name) <= MAX_HOST and len(labels) > 1
    if not is_name or _NUMBER.fullmatch(labels[-1]):
        return "The host must be a full domain name or an IP address in its usual form."
    return None
