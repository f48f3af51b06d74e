"""Counts of security events, for the metrics of this process."""

from collections import Counter


class SecurityCounts:
    """Counts security events of accounts; ``by_event`` is keyed by event and outcome."""

    def __init__(self) -> None:
        self.by_event: Counter[tuple[str, str]] = Counter()

    def add(self, event: str, outcome: str = "") -> None:
        """Counts one event. Both names are from the code, never from a caller."""
        self.by_event[event, outcome] += 1
