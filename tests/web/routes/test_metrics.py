"""Our own counters are printed exactly as prometheus_client prints them."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from execution.metrics import _Ended

SECONDS = (0.0, 0.005, 0.0051, 0.3, 10.0, 11.0)


def page(registry: CollectorRegistry) -> list[str]:
    """Returns the metrics page, without the creation times of counters."""
    lines = generate_latest(registry).decode().splitlines()
    return sorted(line for line in lines if "_created" not in line and not line.startswith("#"))


def test_what_is_counted_is_told_in_the_usual_way() -> None:
    ours, usual = CollectorRegistry(), CollectorRegistry()
    ended = _Ended()
    ours.register(ended)
    labels = ["type", "status"]
    counter = Counter("boom_operations_total", "Ended.", labels, registry=usual)
    histogram = Histogram("boom_operation_seconds", "Lasted.", ["type"], registry=usual)

    for seconds in SECONDS:
        ended.count("query", "ok", seconds)
        counter.labels("query", "ok").inc()
        histogram.labels("query").observe(seconds)

    assert page(ours) == page(usual)
