"""A state machine of everything that can be done to a booking, and its invariants.

The model beside it is a few plain numbers: ``kept`` is what the terms that the customer first
agreed to have kept of what was given up, counted from the start that the booking had when money
came first; ``excused`` what the venue itself has let a booking lack.
"""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.bookings.lifecycle import OCCUPYING, CancellationRefund, Status, is_over, is_unanswered
from domain.core.ids import BookingId, RoomId
from domain.core.local_time import Start
from domain.core.money import Money
from domain.core.refusals import Refusal
from domain.payments.cancellation import quote
from integrations.payments.protocol import GatewayRefused
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.errors import Forbidden
from kit.ids import new_id
from kit.security.tokens import Link, Links
from resolvers.bookings import bookings, deadlines, guest_bookings, transitions
from resolvers.core.transactions import perform
from resolvers.payments import ends, guest_payments, refunds, rescheduling
from resolvers.payments.settlement import settle_booking
from tests.money.world import STATE, Site, World
from tests.support.clock import MONDAY_MORNING
from tests.support.occupancy import OVERLAPS

SEQUENCES: Final = 900
"""So many, of 60 days each, fit into the years that a venue can be booked in."""
LEAST: Final = 50
"""What a card is charged at least, in cents: less is not asked for."""
STANDING: Final = OCCUPYING - {Status.HELD}
HOURS: Final = st.sampled_from([0, 1, 5, 30, 24 * 20])
MINUTES: Final = st.sampled_from([15, 60, 90, 240])
ROOMS: Final = st.integers(0, 2)
RARE: Final = {
    "payment confirmed": 1,
    "payment moved": 1,
    "customer confirmed": 1,
    "customer cancelled": 1,
    "customer pending": 2,
    "time expired": 2,
}
"""What chance seldom leads to, and the number of a venue where it happens."""


class MoneyOfABooking(RuleBasedStateMachine):
    """A customer's booking, from its request to its end."""

    world: ClassVar[World]

    site: Site
    id: UUID | None = None
    state: Any = None
    first_start: datetime | None = None
    is_agreed = False
    kept = 0
    excused = 0

    # -------------------------------------------------------------------- beginning

    @initialize(
        # Half of all sequences go on from where chance alone seldom leads.
        rare=st.sampled_from([*RARE, *[None] * len(RARE)]),
        number=st.integers(0, 99),
        room=ROOMS,
        minutes=MINUTES,
        days=st.sampled_from([0, 1, 9]),
        pays=st.sampled_from([True, True, False]),
    )
    def begins(self, rare: str | None, **chosen: Any) -> None:
        if rare is None:
            self.book(**chosen)
        else:
            self.comes_to(rare)

    def comes_to(self, rare: str) -> None:
        """Books, and does what leads to a rare situation."""
        self.book(number=RARE[rare], room=1, minutes=60, days=9, pays=True)
        move = partial(self.moves, hours=24 * 20, minutes=60, by_link=False)
        if rare == "payment moved":
            move(room=2, and_pays=True)
        elif rare in ("customer confirmed", "customer pending"):
            move(room=0, and_pays=False)
        elif rare == "customer cancelled":
            self.cancels(by_link=False)
        elif rare == "time expired":
            self.its_time_comes()

    def book(self, number: int, room: int, minutes: int, days: int, pays: bool) -> None:
        world = self.world
        # Each sequence has a time of its own: no booking of an earlier one is in its way.
        past = world.done % SEQUENCES
        world.clock.now = MONDAY_MORNING + timedelta(days=60) * past
        if world.done and not past:
            world.sites = world.wait(world.made())
        world.done += 1
        self.site = world.sites[number % len(world.sites)]
        start = world.clock.now + timedelta(days=days, hours=5)
        make = partial(
            bookings.create_booking,
            room_id=RoomId(self.site.venue.rooms[room].id),
            start=Start(at=start),
            duration_minutes=minutes,
        )
        made = world.wait(perform(world.runtime, self.guest, Request(new_id()), make)).result
        self.id = made.id
        self.after("customer")
        if pays:
            self.pays()

    # -------------------------------------------------------------------- the customer

    @rule()
    def pays(self) -> None:
        self.at_gateway(self.world.gateway.pay)
        self.after("payment")

    @precondition(lambda self: self.state["status"] == "held" or self.state["received"] > 0)
    @rule()
    def is_declined(self) -> None:
        self.at_gateway(self.world.gateway.fail)
        self.after("payment")

    @rule(room=ROOMS, hours=HOURS, minutes=MINUTES, by_link=st.booleans(), and_pays=st.booleans())
    def moves(self, room: int, hours: int, minutes: int, by_link: bool, and_pays: bool) -> None:
        goal = self.goal(room, hours, minutes)
        if by_link:
            by_token = partial(guest_payments.reschedule_guest_booking, token=self.token)
            self.does("customer", ANONYMOUS, by_token, **goal)
        else:
            self.does(
                "customer", self.guest, rescheduling.reschedule_booking, id=self.booking_id, **goal
            )
        if and_pays:
            self.pays()

    @rule(by_link=st.booleans())
    def cancels(self, by_link: bool) -> None:
        if by_link:
            self.does("customer", ANONYMOUS, guest_bookings.cancel_guest_booking, token=self.token)
        else:
            self.does("customer", self.guest, transitions.cancel_booking, id=self.booking_id)

    # -------------------------------------------------------------------- the venue

    @rule(room=ROOMS, hours=HOURS, minutes=MINUTES, may_refund=st.booleans())
    def is_moved(self, room: int, hours: int, minutes: int, may_refund: bool) -> None:
        by = self.site.venue.manager if may_refund else self.site.venue.staff
        given = self.goal(room, hours, minutes)
        self.does("venue", by.actor, rescheduling.reschedule_booking, id=self.booking_id, **given)

    @rule(what=st.sampled_from(["confirm", "confirm", "reject", "check_in", "complete", "no_show"]))
    def is_decided(self, what: str) -> None:
        decide: Callable[..., Awaitable[Any]] = {
            "confirm": transitions.confirm_booking,
            "reject": transitions.reject_booking,
            "check_in": transitions.check_in_booking,
            "complete": transitions.complete_booking,
            "no_show": transitions.mark_no_show,
        }[what]
        self.does("venue", self.site.venue.staff.actor, decide, id=self.booking_id)

    @rule(minutes=MINUTES, may_refund=st.booleans())
    def is_extended(self, minutes: int, may_refund: bool) -> None:
        by = self.site.venue.manager if may_refund else self.site.venue.staff
        extend = partial(ends.extend_booking, minutes=minutes)
        self.does("venue", by.actor, extend, id=self.booking_id)

    @rule(may_refund=st.booleans())
    def is_ended_early(self, may_refund: bool) -> None:
        by = self.site.venue.manager if may_refund else self.site.venue.staff
        self.does("venue", by.actor, ends.end_booking_early, id=self.booking_id)

    @rule(back=st.sampled_from(CancellationRefund))
    def is_cancelled(self, back: CancellationRefund) -> None:
        cancel = partial(transitions.cancel_booking, refund=back)
        self.does("venue", self.site.venue.manager.actor, cancel, id=self.booking_id)

    @rule(percent=st.sampled_from([10, 50, 100]))
    def is_refunded(self, percent: int) -> None:
        amount = Money(self.state["held"], "EUR").percent(percent)
        refund = partial(refunds.refund_booking, amount=amount)
        self.does("venue", self.site.venue.manager.actor, refund, id=self.booking_id)

    # -------------------------------------------------------------------- time

    @rule(minutes=st.sampled_from([2, 6, 60, 4 * 60, 23 * 60, 9 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.advance(minutes=minutes)
        self.ends_by_itself()
        self.after("time")

    @rule()
    def its_time_comes(self) -> None:
        self.world.clock.now = max(self.world.clock.now, self.state["starts_at"])
        self.ends_by_itself()
        self.after("time")

    # -------------------------------------------------------------------- what has to hold

    @invariant()
    def the_books_are_right(self) -> None:
        if self.id is None:
            return
        assert self.state["balance"] == 0
        assert 0 <= self.state["held"] <= self.state["received"]

    @invariant()
    def what_the_first_terms_keep_is_kept(self) -> None:
        if self.id is not None:
            assert self.state["held"] >= self.kept

    @invariant()
    def no_time_is_taken_for_less_than_its_policy_asks(self) -> None:
        if self.id is not None:
            assert self.lacking() <= self.excused + LEAST - 1

    @invariant()
    def nothing_waits_for_the_venue_after_its_time(self) -> None:
        if self.id is not None and self.state["status"] in ("rejected", "expired"):
            assert self.state["held"] == 0

    def teardown(self) -> None:
        """Checks that the database keeps exactly the time that is taken of rooms."""
        assert self.world.wait(self.world.reader.fetchval(OVERLAPS)) == 0

    # -------------------------------------------------------------------- steps

    @property
    def guest(self) -> Actor:
        return self.site.venue.guest.actor

    @property
    def booking_id(self) -> BookingId:
        assert self.id is not None
        return BookingId(self.id)

    @property
    def token(self) -> str:
        links = self.world.runtime.services[Links]
        assert isinstance(links, Links)
        return links.sign(Link(self.site.venue.tenant.id, self.booking_id))

    def goal(self, room: int, hours: int, minutes: int) -> dict[str, Any]:
        now = self.world.clock.now.replace(minute=0, second=0)
        start = now + timedelta(hours=hours + 2)
        return {
            "room_id": RoomId(self.site.venue.rooms[room].id),
            "start": Start(at=start),
            "duration_minutes": minutes,
        }

    def does(self, who: str, actor: Actor, what: Callable[..., Any], **given: Any) -> None:
        """Performs an action if it is allowed, and checks its result."""
        change = partial(what, version=self.state["version"], **given)
        try:
            self.world.wait(perform(self.world.runtime, actor, Request(new_id()), change))
        except (Refusal, Forbidden):
            return
        except ExceptionGroup as group:
            _, others = group.split(Refusal)
            if others is not None:
                raise
            return
        self.after(who)

    def at_gateway(self, do: Callable[[str], Coroutine[Any, Any, Any]]) -> None:
        if self.state["last_payment"] is None:
            return
        try:
            self.world.wait(do(self.state["last_payment"]))
        except GatewayRefused:
            return

    def ends_by_itself(self) -> None:
        """Does the work of the worker at this time."""
        state, now = self.state, self.world.clock.now
        tenant_id = self.site.venue.tenant.id
        system = Actor(ActorKind.SYSTEM, tenant_id)
        status = Status(state["status"])
        end: Any = None
        if is_unanswered(status, state["approval_expires_at"], state["starts_at"], now=now):
            end = deadlines.expire_unanswered_booking
        elif is_over(status, state["starts_at"] + timedelta(hours=4), now=now):
            end = transitions.complete_past_booking
        if end is not None:
            change = partial(end, id=self.booking_id)
            self.world.wait(perform(self.world.runtime, system, Request(new_id()), change))

    def after(self, who: str) -> None:
        """Sends due requests to the gateway, and tracks the money."""
        world = self.world
        before = self.state
        self.state = world.wait(world.reader.fetchrow(STATE, self.id))
        if self.state["is_due"]:
            world.wait(settle_booking(world.runtime, self.site.venue.tenant.id, self.booking_id))
            self.state = world.wait(world.reader.fetchrow(STATE, self.id))
        world.seen.add(f"{who} {self.state['status']}")
        if before is None:
            return
        if who == "payment" and before["received"] and self.state["price"] > before["price"]:
            world.seen.add("payment moved")
        if self.first_start is None and self.state["received"] > 0:
            self.first_start = self.state["starts_at"]
        if who == "customer":
            self.follow(before)
        # What the venue gives back or lets a booking lack, it may.
        if who == "venue" or self.state["status"] not in STANDING:
            self.excused = max(0, self.lacking())
        self.kept = min(self.kept, self.state["held"]) if who != "customer" else self.kept
        if self.state["status"] == "confirmed":
            self.is_agreed = True

    def follow(self, before: Any) -> None:
        """Checks that a move or cancellation refunds no more than the first terms allow."""
        back = before["held"] - self.state["held"]
        owed = max(0, -before["due"])
        given_up = before["held"] - self.kept - owed
        if self.state["status"] != "cancelled":
            given_up = max(0, given_up - self.state["price"])
        start = self.first_start or self.state["starts_at"]
        said = quote(
            self.site.steps,
            Money(max(0, given_up), "EUR"),
            start=start,
            now=self.world.clock.now,
            is_confirmed=self.is_agreed,
        )
        assert back <= said.refund.amount_minor, (back, said)
        self.kept += max(0, given_up - back)

    def lacking(self) -> int:
        """Returns the amount due for the booked time beyond what is paid."""
        if self.state["status"] not in STANDING:
            return 0
        due = self.site.policy.due(Money(self.state["price"], "EUR")).amount_minor
        return int(due - (self.state["held"] - self.kept))
