"""Counts of security events, for the metrics of this process."""

from collections import Counter


class SecurityCounts:
    """How often what has happened to accounts; ``by_event`` is keyed by event and outcome."""

    def __init__(self) -> None:
        self.by_event: Counter[tuple[str, str]] = Counter()

    def add(self, event: str, outcome: str = "") -> None:
        """Count one. Both are names of the code, never anything that a caller typed."""
        self.by_event[event, outcome] += 1
