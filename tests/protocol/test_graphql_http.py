"""The specification GraphQL over HTTP, as the audits of npm's graphql-http read it."""

from tests.protocol.node_kit import Kit


async def test_every_audit_passes(kit: Kit, server: str) -> None:
    async with kit.running("audits.mjs", f"{server}/graphql") as lines:
        audits = await lines.next()

    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len(audits) == 61
