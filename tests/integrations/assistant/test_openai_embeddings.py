"""Embeddings, against a server that speaks OpenAI's API."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from integrations.assistant.openai_embeddings import OpenAIEmbeddings
from integrations.assistant.protocol import ModelAnswerInvalid, ModelBusy, ModelError
from tests.support.model_server import JSON, KEY, Answer, Asked, ModelServer, refusal


@pytest_asyncio.fixture(scope="module")
async def embeddings(server: ModelServer) -> AsyncIterator[OpenAIEmbeddings]:
    found = OpenAIEmbeddings(
        api_key=KEY, model="text-embedding-3-small", dimensions=3, base_url=server.url
    )
    yield found
    await found.close()


def vectors(*found: tuple[int, Sequence[Any]]) -> Answer:
    """Returns vectors with their indices."""
    data = [
        {"object": "embedding", "index": index, "embedding": list(vector)}
        for index, vector in found
    ]
    body = {"object": "list", "model": "m", "data": data, "usage": {}}
    return Answer([json.dumps(body).encode()], 200, JSON)


async def test_texts_become_vectors_in_their_order(
    server: ModelServer, embeddings: OpenAIEmbeddings
) -> None:
    server.plays(vectors((1, [0, 1, 0]), (0, [0.5, 0, -0.5])))

    assert await embeddings.embed(["Parking", "Refunds"]) == [[0.5, 0, -0.5], [0, 1, 0]]
    assert server.asked[0].path == "/v1/embeddings"
    assert server.asked[0].body == {
        "model": "text-embedding-3-small",
        "input": ["Parking", "Refunds"],
        "dimensions": 3,
        "encoding_format": "float",
    }


async def test_many_texts_take_several_requests(
    server: ModelServer, embeddings: OpenAIEmbeddings
) -> None:
    def numbered(asked: Asked) -> Answer:
        return vectors(
            *((index, [int(text), 0, 0]) for index, text in enumerate(asked.body["input"]))
        )

    server.plays(numbered)

    found = await embeddings.embed([str(number) for number in range(150)])

    assert [vector[0] for vector in found] == list(range(150))
    assert [len(asked.body["input"]) for asked in server.asked] == [64, 64, 22]


async def test_a_model_of_one_length_is_not_asked_for_it(server: ModelServer) -> None:
    other = OpenAIEmbeddings(api_key=KEY, model="bge-m3", dimensions=3, base_url=server.url)
    server.plays(vectors((0, [1, 0])))

    assert await other.embed(["Parking"]) == [[1, 0]]
    assert "dimensions" not in server.asked[0].body
    await other.close()


async def test_no_texts_take_no_request(server: ModelServer, embeddings: OpenAIEmbeddings) -> None:
    server.plays(vectors())

    assert await embeddings.embed([]) == [] and server.asked == []


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (vectors((0, [])), ModelAnswerInvalid),
        (vectors((0, [1, 0, 0, 0])), ModelAnswerInvalid),
        (vectors((0, [1, 0, "x"])), ModelAnswerInvalid),
        (vectors((0, [1, 0, float("nan")])), ModelAnswerInvalid),
        (vectors(), ModelAnswerInvalid),
        (vectors((0, [1, 0, 0]), (0, [1, 0, 0])), ModelAnswerInvalid),
        (Answer([b"{}"], 200, JSON), ModelAnswerInvalid),
        (Answer([b"{"], 200, JSON), ModelAnswerInvalid),
        (Answer([b"[]"], 200, {"Content-Type": "text/html"}), ModelAnswerInvalid),
        (refusal(429, "rate_limit_exceeded", Retry_After="0"), ModelBusy),
    ],
    ids=[
        "short", "long", "no number", "NaN", "none", "twice", "empty", "malformed", "a page",
        "busy",
    ],
)  # fmt: skip
async def test_broken_answers_are_told_apart(
    server: ModelServer, embeddings: OpenAIEmbeddings, broken: Answer, kind: type[ModelError]
) -> None:
    server.plays(broken)

    with pytest.raises(kind):
        await embeddings.embed(["Parking"])
