"""The cache of documents: frequent ones are parsed once, and its size is bounded."""

import pytest
from graphql import build_schema

from execution.document_cache import MAX_CHARACTERS, Document, Documents, RequestRejected

SCHEMA = build_schema("type Query { name: String }")


def padded(name: str) -> str:
    """Returns a document of a quarter of all that is kept of what was seen once."""
    return f"query {name} {{ name }}".ljust(MAX_CHARACTERS // 4)


def ask(documents: Documents, text: str, *, is_anonymous: bool = False) -> Document:
    """Returns the document from the cache, or parses it."""
    document = documents.known(text, is_anonymous=is_anonymous)
    if document is None:
        document = documents.read(text, is_anonymous=is_anonymous)
        documents.keep(text, document)
    return document


def test_a_document_is_read_once() -> None:
    documents = Documents(SCHEMA)

    first = ask(documents, "{ name }")

    assert documents.known("{ name }", is_anonymous=False) is first


def test_its_operations_are_told_apart() -> None:
    document = ask(Documents(SCHEMA), "query A { name } query B { name }")

    assert document.operation("A").name == "A"
    assert document.operation("B").name == "B"


def test_a_document_that_is_refused_says_why() -> None:
    with pytest.raises(RequestRejected) as refused:
        Documents(SCHEMA).read("{ nothing }", is_anonymous=False)

    assert refused.value.code == "GRAPHQL_VALIDATION_FAILED"


def test_the_one_unused_longest_makes_room() -> None:
    documents = Documents(SCHEMA)
    for name in "ABCDE":
        ask(documents, padded(name))

    assert documents.known(padded("A"), is_anonymous=False) is None
    assert documents.known(padded("B"), is_anonymous=False) is not None


def test_what_was_asked_again_is_not_pushed_out_by_what_is_asked_once() -> None:
    documents = Documents(SCHEMA)
    for name in "ABAB":
        ask(documents, padded(name))

    for number in range(100):
        ask(documents, padded(f"Once{number}"))

    assert documents.known(padded("A"), is_anonymous=False) is not None
    assert documents.known(padded("B"), is_anonymous=False) is not None


def test_strangers_may_send_500_tokens_whoever_sent_them_before() -> None:
    documents = Documents(SCHEMA)
    tokens_500 = "{ " + "name " * 98 + "... { __typename } " * 100 + "}"
    tokens_501 = tokens_500.replace("name", "name name", 1)
    ask(documents, tokens_501)

    with pytest.raises(RequestRejected) as known:
        ask(documents, tokens_501, is_anonymous=True)
    with pytest.raises(RequestRejected) as unknown:
        Documents(SCHEMA).read(tokens_501, is_anonymous=True)

    assert ask(documents, tokens_500, is_anonymous=True).tokens == 500
    assert known.value.code == "TOO_COMPLEX"
    assert known.value.errors[0].message == "Too complex: more than 500 tokens."
    assert unknown.value.errors[0].message == "Too complex: more than 500 tokens."
