"""GraphiQL's initial tabs, checked by the libraries of its editors."""

from commands.export import ROOT
from tests.protocol.node_kit import Kit

SOURCES = ROOT / "web" / "pages" / "graphiql" / "src"
RIGHT: dict[str, list[str]] = {"query": [], "variables": []}


async def test_every_tab_opens_without_a_red_line(kit: Kit) -> None:
    schema = str(ROOT / "schema.graphql")
    async with kit.running("explorer.mjs", schema, str(SOURCES)) as lines:
        judged = await lines.next()

    tabs = [*(SOURCES / "examples").glob("*.graphql")]
    assert len(tabs) > 4
    assert judged == {"tabs": [RIGHT] * len(tabs), "headers": []}
