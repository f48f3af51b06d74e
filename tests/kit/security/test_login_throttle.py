"""Failed logins are slowed down for the guesser, without locking the account."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kit.security.login_throttle import BackoffPolicy, LoginThrottle

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
NOW = timedelta()
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def guess(
    attempts: LoginThrottle, times: int, *, account: str = "ann", address: str = HOME
) -> None:
    """Sends wrong passwords from noon on, each as soon as it is allowed."""
    for _ in range(times):
        attempts.failed(account, address, now=NOON)


def test_a_few_wrong_passwords_cost_no_time() -> None:
    attempts = LoginThrottle()

    guess(attempts, 4)

    assert attempts.wait("ann", HOME, now=NOON) == NOW


def test_the_pause_doubles_with_every_further_failure() -> None:
    attempts = LoginThrottle()

    guess(attempts, 5)
    assert attempts.wait("ann", HOME, now=NOON) == timedelta(seconds=1)

    guess(attempts, 3)
    assert attempts.wait("ann", HOME, now=NOON) == timedelta(seconds=8)


def test_no_pause_is_longer_than_a_minute() -> None:
    attempts = LoginThrottle()

    guess(attempts, 1_000)

    assert attempts.wait("ann", HOME, now=NOON) == timedelta(seconds=60)
    assert attempts.wait("ann", HOME, now=after(60)) == NOW


def test_after_the_pause_only_one_of_many_tries_at_once_gets_through() -> None:
    attempts = LoginThrottle()
    guess(attempts, 5)

    assert attempts.wait("ann", HOME, now=after(1)) == NOW
    assert attempts.wait("ann", HOME, now=after(1)) == timedelta(seconds=1)


def test_trying_too_early_does_not_make_the_pause_longer() -> None:
    attempts = LoginThrottle()
    guess(attempts, 7)

    assert attempts.wait("ann", HOME, now=after(1)) == timedelta(seconds=3)
    assert attempts.wait("ann", HOME, now=after(4)) == NOW


def test_one_account_is_paused_from_every_address() -> None:
    attempts = LoginThrottle()

    guess(attempts, 5)

    assert attempts.wait("ann", ELSEWHERE, now=NOON) == timedelta(seconds=1)


def test_other_accounts_at_an_address_go_on_until_it_has_failed_often() -> None:
    attempts = LoginThrottle()

    guess(attempts, 19)
    assert attempts.wait("bob", HOME, now=NOON) == NOW

    guess(attempts, 1, account="eve")
    assert attempts.wait("bob", HOME, now=NOON) == timedelta(seconds=1)


def test_an_owner_at_a_known_address_does_not_wait_for_a_strangers_guesses() -> None:
    attempts = LoginThrottle()
    attempts.succeeded("ann", HOME)

    guess(attempts, 1_000, address=ELSEWHERE)

    assert attempts.wait("ann", HOME, now=NOON) == NOW
    assert attempts.wait("ann", ELSEWHERE, now=NOON) == timedelta(seconds=60)


def test_a_known_address_is_paused_by_its_own_failures() -> None:
    attempts = LoginThrottle()
    attempts.succeeded("ann", HOME)

    guess(attempts, 5)

    assert attempts.wait("ann", HOME, now=NOON) == timedelta(seconds=1)


def test_failures_of_the_window_before_fade_as_the_present_one_ages() -> None:
    attempts = LoginThrottle()
    guess(attempts, 10)

    attempts.failed("ann", ELSEWHERE, now=after(15 * 60 + 450))

    # Half of the ten are left, and one: a pause of two seconds.
    assert attempts.wait("ann", ELSEWHERE, now=after(15 * 60 + 450)) == timedelta(seconds=2)


def test_after_two_quiet_windows_all_is_forgotten() -> None:
    attempts = LoginThrottle()
    guess(attempts, 1_000)

    attempts.failed("ann", HOME, now=after(30 * 60))

    assert attempts.wait("ann", HOME, now=after(30 * 60)) == NOW


def test_accounts_beyond_the_capacity_push_out_the_oldest() -> None:
    attempts = LoginThrottle(capacity=2)
    guess(attempts, 5)

    guess(attempts, 1, account="bob", address=ELSEWHERE)

    assert attempts.wait("ann", HOME, now=NOON) == NOW


@given(st.lists(st.integers(0, 3_600), max_size=60).map(sorted))
def test_whatever_was_tried_the_next_try_is_at_most_the_longest_pause_away(
    failed_at: list[int],
) -> None:
    pace = BackoffPolicy(free=2, longest_pause=timedelta(seconds=30))
    attempts = LoginThrottle(per_account=pace, per_address=pace)
    for seconds in failed_at:
        attempts.failed("ann", HOME, now=after(seconds))

    last = after(max(failed_at, default=0))

    assert attempts.wait("ann", HOME, now=last) <= timedelta(seconds=30)
    assert attempts.wait("ann", HOME, now=last + timedelta(seconds=30)) == NOW
