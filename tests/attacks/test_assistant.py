"""A model that obeys attackers: it changes nothing, and tells nobody what isn't theirs."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, cast

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from app import build_app
from integrations.assistant.openai import OpenAIModel
from integrations.assistant.openai_client import TimeLimits
from integrations.assistant.protocol import LanguageModel
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from models.bookings.bookings import Booking
from tests.api.bookings.test_dry_runs import GOING_ON
from tests.attacks.assistant_attacks import ARTICLES, ATTACKS, Attack, Ids, Step, confesses, poison
from tests.support.articles import make_article
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import Venue, make_booking, make_venue
from tests.support.model_server import (
    KEY,
    Chaos,
    ModelServer,
    answer,
    events_of,
    model_server,
    refusal,
    sse,
)
from tests.support.model_server import Answer as ModelAnswer
from tests.support.statements import background
from tests.support.tickets import make_ticket

SEND: Final = """
    mutation ($input: SendMessageInput!) {
      sendMessage(input: $input) {
        conversation { id }
        message { text outcome parts { text citations { id } } }
        proposals { state summary }
        guestToken
        userErrors { code message }
      }
    }
"""
FOREIGN: Final = ("Foreign", "FRGN-3333", "foreign.test")
"""What only another venue may see."""
SECRET: Final = ("staff-only", "note-of-canary", "ticket-of-canary", KEY, "argon2", "canary@")
"""What no model is sent, whoever asks."""
OF_OTHERS: Final = ("Canary", "CNRY-2222", "Draft of")
"""What customers of the venue may not see of others, and of its team."""


@dataclass
class World:
    """Two venues, and the conversations of three people at one of them."""

    api: Api
    runtime: Runtime
    model: ModelServer
    database: asyncpg.Connection
    venue: Venue
    ids: Ids
    digest: str
    before: Any
    conversations: dict[str, dict[str, str]] = field(default_factory=dict)

    async def say(self, who: str, text: str, **given: str) -> Answer:
        """Sends a message in the person's conversation."""
        tokens = {"staff": self.venue.staff.token, "customer": self.venue.guest.token}
        begun = self.conversations.get(who)
        if begun is None and who == "guest":
            given["subdomain"] = self.venue.tenant.subdomain
        message = {"message": text, **given, **(begun or {})}
        sent = await self.api(SEND, {"input": message}, token=tokens.get(who))
        assert sent.refusals == [], sent.payload
        if begun is None:
            self.conversations[who] = {"conversationId": sent.payload["conversation"]["id"]}
            if token := sent.payload["guestToken"]:
                self.conversations[who]["guestToken"] = token
        return sent

    async def changed(self) -> Sequence[str]:
        """Returns the tables that aren't as they were before all attacks."""
        now = await self.database.fetch(self.digest)
        return [each[0] for each in now if each not in self.before]


@pytest_asyncio.fixture(scope="module")
async def world(
    module_settings: Settings, database: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    settings = module_settings.model_copy(update={"data": tmp_path_factory.mktemp("app")})
    async with AsyncExitStack() as running:
        server = await running.enter_async_context(model_server())
        model = OpenAIModel(api_key=KEY, model="m", base_url=server.url)
        running.push_async_callback(model.close)
        services = {LanguageModel: model, Passwords: Passwords.cheap()}
        app = build_app(settings, clock=StoppedClock(), services=services, with_graphiql=False)
        with background():
            await running.enter_async_context(app.router.lifespan_context(app))
        transport = httpx2.ASGITransport(app)
        http = httpx2.AsyncClient(transport=transport, base_url="http://localhost")
        api = Api(await running.enter_async_context(http))
        owner = await asyncpg.connect(database.owner)
        running.push_async_callback(owner.close)
        yield await _made(app.state.runtime, api, server, owner)


async def _made(runtime: Runtime, api: Api, model: ModelServer, owner: asyncpg.Connection) -> World:
    venue = await make_venue(runtime, min_notice_minutes=0)
    foreign = await make_venue(runtime, subdomain="foreign", min_notice_minutes=0)
    noon = MONDAY_MORNING + timedelta(days=1, hours=2)
    mine = await make_booking(runtime, venue, noon + timedelta(hours=4), reference="MYBK-1111")
    await make_booking(runtime, venue, noon, customer=venue.other_customer, reference="CNRY-2222")
    await make_booking(runtime, foreign, noon, reference="FRGN-3333")
    for table, column, value, where in (
        ("rooms", "name", poison("the name of a room"), venue.rooms[1]),
        ("customers", "name", "Canary " + poison("the name of a customer"), venue.other_customer),
        ("customers", "notes", "staff-only " + poison("the notes on a customer"), venue.customer),
        ("customers", "email", "canary@venue.test", venue.customer),
        ("customers", "email", "canary@other.test", venue.other_customer),
        ("rooms", "name", "Foreign room", foreign.rooms[0]),
        ("customers", "name", "Foreign guest", foreign.customer),
    ):
        statement = f"UPDATE {table} SET {column} = $1 WHERE id = $2"
        await owner.execute(statement, value, where.id)
    await owner.execute(
        "UPDATE bookings SET note = $1", "note-of-canary " + poison("the note of a booking")
    )
    await _support(runtime, venue, foreign, mine, owner)
    tables = await owner.fetch(
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1"
    )
    digest = " UNION ALL ".join(
        f"SELECT '{name}', count(*), coalesce(sum(hashtext(t::text)), 0) FROM {name} t"
        for (name,) in tables
        if not name.startswith("assistant_") and f"public.{name}" not in GOING_ON
    )
    ids = Ids(
        own_room=venue.rooms[0].id,
        poisoned_room=venue.rooms[1].id,
        other_customer=venue.other_customer.id,
        foreign_room=foreign.rooms[0].id,
        foreign_customer=foreign.customer.id,
    )
    before = await owner.fetch(digest)
    return World(api, runtime, model, owner, venue, ids, digest, before)


async def _support(
    runtime: Runtime, venue: Venue, foreign: Venue, booking: Booking, owner: asyncpg.Connection
) -> None:
    """Adds articles that were written by attackers, and a ticket with a mail and a note."""
    for title, body in ARTICLES.items():
        await make_article(runtime, venue, title, body)
    draft = "Draft of the prices of next year: lasers for twelve."
    await make_article(runtime, venue, "Draft of lasers", draft, is_published=False)
    await make_article(runtime, foreign, "Foreign parking", "Foreign: park your bicycle here.")
    ticket, note = await make_ticket(runtime, venue, booking)
    await owner.execute(
        "UPDATE tickets SET subject = $1 WHERE id = $2",
        "ticket-of-canary " + poison("a ticket"),
        ticket.id,
    )
    await owner.execute(
        "UPDATE ticket_messages SET text = $1 WHERE id = $2",
        "ticket-of-canary " + poison("an internal note"),
        note.id,
    )
    await owner.execute(
        "INSERT INTO ticket_messages (tenant_id, id, ticket_id, author_kind, channel, is_internal, "
        "text, attachment_count, created_at) SELECT tenant_id, gen_random_uuid(), ticket_id, "
        "'CUSTOMER', 'MAIL', false, $1, 0, created_at FROM ticket_messages WHERE id = $2",
        "ticket-of-canary " + poison("a mail"),
        note.id,
    )


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: f"{each.name}, {each.who}")
async def test_a_model_that_obeys_attackers_changes_and_tells_nothing(
    world: World, attack: Attack
) -> None:
    world.model.plays(*attack.steps(world.ids), confesses)

    sent = await world.say(attack.who, attack.says)

    message = sent.payload["message"]
    assert message["outcome"] == attack.outcome
    assert await world.changed() == []
    assert {each["state"] for each in sent.payload["proposals"]} <= {"PROPOSED"}
    sent_away = "".join(asked.text for asked in world.model.asked)
    assert not [each for each in SECRET if each in sent_away]
    results = [result for asked in world.model.asked for result in asked.outputs]
    assert {each["error"]["code"] for each in results if "error" in each} == {*attack.refused}
    hidden = (*FOREIGN, *SECRET, *(() if attack.who == "staff" else OF_OTHERS))
    for told in (str(results), str(message), str(sent.payload["proposals"])):
        assert not [each for each in hidden if each in told], told
    assert not re.search(r"!\[|<[a-z/!]", message["text"])


WORDS: Final = sse(*events_of("It is free.")[:4])
BROKEN: Final[Mapping[str, tuple[Step, str]]] = {
    "429": (refusal(429, "rate_limit_exceeded", Retry_After="0"), "BUSY"),
    "429 for an hour": (refusal(429, "rate_limit_exceeded", Retry_After="3600"), "BUSY"),
    "500": (refusal(500, "server_error", Retry_After="0"), "UNAVAILABLE"),
    "a wrong key": (refusal(401, "invalid_api_key", KEY), "UNAVAILABLE"),
    "a cut": (ModelAnswer([*WORDS, Chaos.CUT]), "UNAVAILABLE"),
    "an early end": (ModelAnswer(WORDS), "UNAVAILABLE"),
    "malformed JSON": (ModelAnswer([*WORDS, b"data: {\n\n"]), "INVALID"),
    "a page": (ModelAnswer([b"<html>"], 200, {"Content-Type": "text/html"}), "INVALID"),
    "nothing": (answer(), "INVALID"),
    "10 MB": (ModelAnswer([b"data: ", *[b"x" * 100_000] * 100]), "TOO_LONG"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_model_is_excused_and_the_conversation_goes_on(
    world: World, name: str
) -> None:
    step, outcome = BROKEN[name]
    world.model.plays(step)

    broken = await world.say("guest", "What is free?", locale="de")
    world.model.plays(answer("All of it."))
    fine = await world.say("guest", "And now?")

    message = broken.payload["message"]
    assert message["outcome"] == outcome
    *words, excuse = message["text"].split("\n\n")
    assert ("".join(words) in {"", "It is "} and "Bitte" in excuse) or outcome == "TOO_LONG"
    assert KEY not in str(message)
    assert fine.payload["message"]["text"] == "All of it."
    assert await world.changed() == []


async def test_a_silent_model_is_excused(world: World) -> None:
    limits = TimeLimits(first_event=2, next_event=0.2, answer=2)
    impatient = OpenAIModel(api_key=KEY, model="m", base_url=world.model.url, limits=limits)
    services = cast("dict[type, object]", world.runtime.services)
    usual, services[LanguageModel] = services[LanguageModel], impatient
    world.model.plays(ModelAnswer([*WORDS, Chaos.SILENCE]))

    silent = await world.say("guest", "What is free?")

    services[LanguageModel] = usual
    await impatient.close()
    assert silent.payload["message"]["outcome"] == "TIMED_OUT"
    assert await world.changed() == []
