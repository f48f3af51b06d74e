"""The client of a model, and the server that it speaks with."""

from collections.abc import AsyncIterator

import pytest_asyncio

from integrations.assistant.openai import OpenAIModel
from tests.support.model_server import KEY, ModelServer, model_server


@pytest_asyncio.fixture(scope="module")
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def model(server: ModelServer) -> AsyncIterator[OpenAIModel]:
    found = OpenAIModel(api_key=KEY, model="gpt-6-luna", base_url=server.url)
    yield found
    await found.close()
