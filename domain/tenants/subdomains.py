"""Validates the subdomains of tenants."""

import re
from collections.abc import Iterator

from domain.core.refusals import Invalid, Path, Refusal, Required

# A DNS label (RFC 1035) of three characters or more; "--" is left to internationalised names.
_SUBDOMAIN = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")

RESERVED = frozenset({
    "account", "admin", "api", "app", "assets", "auth", "billing", "cdn", "docs", "graphiql",
    "graphql", "help", "localhost", "login", "mail", "public", "register", "root", "smtp", "static",
    "status", "support", "system", "webhooks", "www",
})  # fmt: skip
"""Reserved names, which people would take for the installation's own."""


def subdomain_refusals(subdomain: str, *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse a subdomain."""
    if not subdomain:
        yield Required(path=path)
    elif not _SUBDOMAIN.fullmatch(subdomain):
        yield Invalid(
            "A subdomain must have 3 to 63 lowercase letters, digits and single inner hyphens.",
            path=path,
        )
    elif subdomain in RESERVED:
        yield Invalid("This subdomain is reserved.", path=path)
