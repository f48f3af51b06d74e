"""Limits on open sockets and subscriptions, by address, login and tenant."""

from contextlib import ExitStack

import pytest

from execution.concurrency_limits import ConcurrencyLimits
from kit.actor import ANONYMOUS, Actor, ActorKind
from kit.errors import Throttled
from kit.ids import new_id

HOME = "198.51.100.7"
TENANT, SESSION = new_id(), new_id()


def actor(*, session: object = None) -> Actor:
    return Actor(ActorKind.USER, TENANT, new_id(), SESSION if session is None else new_id())


@pytest.fixture
def limits() -> ConcurrencyLimits:
    return ConcurrencyLimits(sockets_of_address=20)


def test_an_address_may_have_20_sockets(limits: ConcurrencyLimits) -> None:
    with ExitStack() as open:
        for number in range(20):
            open.enter_context(limits.socket_of_address(HOME, number))
        open.enter_context(limits.socket_of_address("198.51.100.8", 20))

        with pytest.raises(Throttled) as refused, limits.socket_of_address(HOME, 21):
            pass

    assert str(refused.value) == (
        "Too many sockets of one address: at most 20 may be open at once."
    )
    with limits.socket_of_address(HOME, 22):
        pass


def test_a_network_of_ipv6_is_one_address(limits: ConcurrencyLimits) -> None:
    with ExitStack() as open:
        for number in range(20):
            open.enter_context(limits.socket_of_address(f"2001:db8::{number:x}", number))
        open.enter_context(limits.socket_of_address("2001:db8:0:1::1", 20))

        with pytest.raises(Throttled), limits.socket_of_address("2001:db8::ffff", 21):
            pass


def test_a_login_may_have_5_sockets(limits: ConcurrencyLimits) -> None:
    with ExitStack() as open:
        for number in range(5):
            open.enter_context(limits.socket_of_login(actor(), HOME, number))
        open.enter_context(limits.socket_of_login(actor(session="another"), HOME, 5))

        with pytest.raises(Throttled), limits.socket_of_login(actor(), "192.0.2.1", 6):
            pass


def test_strangers_of_an_address_are_one_login(limits: ConcurrencyLimits) -> None:
    with ExitStack() as open:
        for number in range(5):
            open.enter_context(limits.socket_of_login(ANONYMOUS, HOME, number))
        open.enter_context(limits.socket_of_login(ANONYMOUS, "192.0.2.1", 5))

        with pytest.raises(Throttled), limits.socket_of_login(ANONYMOUS, HOME, 6):
            pass


def test_a_login_may_ask_50_different_questions(limits: ConcurrencyLimits) -> None:
    with ExitStack() as open:
        for number in range(50):
            open.enter_context(limits.question(actor(), HOME, number))
        for _ in range(3):
            open.enter_context(limits.question(actor(), HOME, 7))
        open.enter_context(limits.question(actor(session="another"), HOME, 51))

        with pytest.raises(Throttled) as refused, limits.question(actor(), HOME, 51):
            pass

    assert str(refused.value) == (
        "Too many different subscriptions of one login: at most 50 may be open at once."
    )


def test_an_equal_question_counts_until_the_last_who_asks_it_is_gone(
    limits: ConcurrencyLimits,
) -> None:
    with ExitStack() as open:
        for number in range(49):
            open.enter_context(limits.question(actor(), HOME, number))
        with ExitStack() as twice:
            twice.enter_context(limits.question(actor(), HOME, "same"))
            with limits.question(actor(), HOME, "same"):
                pass
            with pytest.raises(Throttled), limits.question(actor(), HOME, "another"):
                pass

        with limits.question(actor(), HOME, "another"):
            pass


def test_a_tenant_may_ask_200_different_questions(limits: ConcurrencyLimits) -> None:
    with ExitStack() as open:
        for login in range(4):
            somebody = actor(session="another")
            for number in range(50):
                open.enter_context(limits.question(somebody, HOME, (login, number)))

        newcomer = actor(session="another")
        open.enter_context(limits.question(newcomer, HOME, (0, 0)))
        with pytest.raises(Throttled), limits.question(newcomer, HOME, "another"):
            pass
        with limits.question(Actor(ActorKind.USER, new_id(), new_id()), HOME, "another"):
            pass


def test_nothing_is_refused_where_limits_are_off() -> None:
    limits = ConcurrencyLimits(sockets_of_address=20, is_enforced=False)
    with ExitStack() as open:
        for number in range(300):
            open.enter_context(limits.socket_of_address(HOME, number))
            open.enter_context(limits.question(actor(), HOME, number))
