"""Which models an installation has, by its settings."""

from typing import Any

import pytest

from integrations.assistant.factory import embeddings_of, language_model_of
from integrations.assistant.openai import OpenAIModel
from integrations.assistant.openai_embeddings import OpenAIEmbeddings
from integrations.assistant.protocol import Provider
from kit.settings import Environment, Settings
from tests.support.model_server import KEY


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"openai_api_key": KEY}, "https://api.openai.com/v1/"),
        ({"openai_base_url": "http://127.0.0.1:9/v1"}, "http://127.0.0.1:9/v1/"),
        ({"openai_api_key": KEY, "openai_base_url": "https://a.test/v1"}, "https://a.test/v1/"),
    ],
    ids=["a key", "an address", "both"],
)
async def test_a_key_or_an_address_is_enough(given: dict[str, Any], address: str) -> None:
    settings = Settings(_env_file=None, environment=Environment.TEST, **given)

    model, embeddings = language_model_of(settings), embeddings_of(settings)

    assert isinstance(model, OpenAIModel) and isinstance(embeddings, OpenAIEmbeddings)
    assert (model.model, embeddings.model) == ("gpt-5.4-mini", "text-embedding-3-small")
    assert str(model._client.base_url) == str(embeddings._client.base_url) == address
    await model.close()
    await embeddings.close()


def test_without_both_nothing_leaves_the_house() -> None:
    settings = Settings(_env_file=None, environment=Environment.TEST)

    assert language_model_of(settings).provider is Provider.LOCAL
    assert embeddings_of(settings) is None
