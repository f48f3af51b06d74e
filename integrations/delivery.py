"""Why a message was not delivered.

DeliveryError
├── Undeliverable    it can never be delivered: a retry is refused again
├── OutcomeUnknown   the provider may have taken it: a retry could deliver it twice
└── Busy             the provider takes no more at the moment: a retry succeeds later

Other errors, such as those of the network before anything was sent, may be retried too. Their texts
are for operators, without personal data.
"""


class DeliveryError(Exception):
    """A message was not delivered, or may not have been."""


class Undeliverable(DeliveryError):
    """The message can never be delivered."""


class OutcomeUnknown(DeliveryError):
    """The connection was lost after the message went out, so it may have been taken."""


class Busy(DeliveryError):
    """The provider refuses messages for now."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
