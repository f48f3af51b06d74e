"""Cancellation policies: steps of refunds that end before the start of a booking."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from domain.core.card_amounts import returnable
from domain.core.formatting import counted
from domain.core.money import Money
from domain.core.refusals import Invalid, Path, Refusal
from domain.payments.fees import due_beyond

MAX_STEPS = 10
MAX_MINUTES_BEFORE = 366 * 24 * 60
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class CancellationStep:
    """Refunds a percentage until ``minutes_before`` the start, inclusive."""

    minutes_before: int
    refund_percent: int

    def ends_at(self, start: datetime) -> datetime:
        return start - timedelta(minutes=self.minutes_before)

    @property
    def label(self) -> str:
        """The label for people: 'Free until 24 hours before the start'."""
        until = f"until {_before(self.minutes_before)}"
        match self.refund_percent:
            case 100:
                return f"Free {until}"
            case 0:
                return f"Nothing back {until}"
            case percent:
                return f"{percent} % back {until}"


@dataclass(frozen=True, slots=True)
class Quote:
    """The refund of a cancellation, and the fee, of which the venue keeps what was paid.

    ``due`` is the part of the fee that is still to be paid. ``ends_at`` is the last instant at
    which the quote is valid; None: while it can be cancelled.
    """

    refund: Money
    fee: Money
    due: Money
    refund_percent: int
    step_label: str
    ends_at: datetime | None


ALWAYS_FREE = (CancellationStep(minutes_before=0, refund_percent=100),)
"""The policy without steps: everything is refunded until the start."""


def in_order(steps: Sequence[CancellationStep]) -> tuple[CancellationStep, ...]:
    """Returns the steps in the order in which they end."""
    return tuple(sorted(steps, key=lambda step: -step.minutes_before))


def quote(
    steps: Sequence[CancellationStep],
    held: Money,
    *,
    start: datetime,
    now: datetime,
    is_confirmed: bool = True,
    price: Money | None = None,
) -> Quote:
    """Returns what a cancellation at ``now`` refunds of the ``held`` money.

    With a ``price``, the fee is a part of that, and due as far as it isn't held; otherwise it is a
    part of what is held.

    The first step that hasn't ended applies; after the last one nothing is refunded. Without steps
    everything is refunded until the start; before the venue has confirmed, at any time.
    """
    if not is_confirmed:
        return _quote(held, 100, "Free until the venue has confirmed", None, price)
    ordered = in_order(steps or ALWAYS_FREE)
    for step in ordered:
        if now <= step.ends_at(start):
            return _quote(held, step.refund_percent, step.label, step.ends_at(start), price)
    label = f"Nothing back after {_before(ordered[-1].minutes_before)}"
    return _quote(held, 0, label, None, price)


def free_until(steps: Sequence[CancellationStep], start: datetime) -> datetime | None:
    """Returns the last instant at which everything is refunded; None if it never is."""
    free = [step for step in steps or ALWAYS_FREE if step.refund_percent == 100]
    return in_order(free)[-1].ends_at(start) if free else None


def step_refusals(steps: Sequence[CancellationStep], *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse a list of steps."""
    if len(steps) > MAX_STEPS:
        yield Invalid(f"At most {MAX_STEPS} steps.", path=path)
    for number, step in enumerate(steps):
        if not 0 <= step.minutes_before <= MAX_MINUTES_BEFORE:
            yield Invalid(
                "A step must end 0 minutes to 366 days before the start.",
                path=(*path, number, "minutes_before"),
            )
        if not 0 <= step.refund_percent <= 100:
            yield Invalid("The refund must be 0 to 100 %.", path=(*path, number, "refund_percent"))
    ordered = in_order(steps)
    for earlier, later in pairwise(ordered):
        if earlier.minutes_before == later.minutes_before:
            yield Invalid("Two steps can't end at the same time.", path=path)
        if earlier.refund_percent < later.refund_percent:
            yield Invalid("A later step can't refund more than an earlier one.", path=path)


def _quote(
    held: Money, percent: int, label: str, ends_at: datetime | None, price: Money | None
) -> Quote:
    whole = held if price is None else price
    free = returnable(whole.percent(percent), of=whole)
    fee = Money(whole.amount_minor - free.amount_minor, held.currency_code)
    refund = Money(max(0, held.amount_minor - fee.amount_minor), held.currency_code)
    return Quote(
        returnable(refund, of=held),
        fee,
        due=due_beyond(fee, held),
        refund_percent=percent,
        step_label=label,
        ends_at=ends_at,
    )


def _before(minutes: int) -> str:
    if minutes == 0:
        return "the start"
    # Hours up to two days, as is usual for such rules.
    if minutes % _DAY_MINUTES == 0 and minutes > 2 * _DAY_MINUTES:
        return f"{counted(minutes // _DAY_MINUTES, 'day')} before the start"
    if minutes % 60 == 0:
        return f"{counted(minutes // 60, 'hour')} before the start"
    return f"{counted(minutes, 'minute')} before the start"
