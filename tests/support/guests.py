"""Guests who book without an account, and give the code of their mail."""

from dataclasses import replace

from kit.runtime import Runtime
from kit.security.tokens import Links
from tests.support.client import Answer, Api

CONFIRM = """
    mutation ($input: ConfirmGuestBookingInput!) {
      confirmGuestBooking(input: $input) {
        booking { reference version status nextStep holdExpiresAt }
        userErrors { __typename code path message }
      }
    }
"""


def links(runtime: Runtime) -> Links:
    found = runtime.services[Links]
    assert isinstance(found, Links)
    return found


def mailed(runtime: Runtime, token: str) -> str:
    """Returns the token of the mail about the booking that an answer's token belongs to."""
    link = links(runtime).read(token)
    assert link is not None and not link.is_mailed
    return links(runtime).sign(replace(link, is_mailed=True))


async def confirm(api: Api, token: str) -> Answer:
    """Confirms a booking, as the page behind the link in the mail does."""
    return await api(CONFIRM, {"input": {"token": token}})
