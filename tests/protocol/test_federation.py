"""The schema as a subgraph of a bigger one, composed by the libraries that gateways use."""

from commands.export import ROOT
from tests.protocol.node_kit import Kit

COMPOSED = {"errors": [], "hasBooking": True}


async def test_the_schema_composes_as_a_subgraph(kit: Kit) -> None:
    async with kit.running("composition.mjs", str(ROOT / "schema.graphql")) as lines:
        results = await lines.next()

    assert results == dict.fromkeys(("apollo 1", "apollo 2", "guild 1", "guild 2"), COMPOSED)
