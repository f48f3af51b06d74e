"""Repeated refusals are delayed more and more."""

from kit.security.refusal_delay import FREE, PAUSE_SECONDS, RefusalDelay


def test_a_few_refusals_are_told_at_once_and_many_are_kept_back() -> None:
    brake = RefusalDelay(clock=lambda: 100.5)

    pauses = [brake.pause("192.0.2.1") for _ in range(FREE + 2)]

    assert pauses == [*FREE * [0], PAUSE_SECONDS, PAUSE_SECONDS]
    assert brake.pause("192.0.2.2") == 0


def test_a_second_later_all_is_forgiven() -> None:
    now = 100.5
    brake = RefusalDelay(clock=lambda: now)
    for _ in range(FREE + 1):
        brake.pause("192.0.2.1")
    now = 101.5

    assert brake.pause("192.0.2.1") == 0
