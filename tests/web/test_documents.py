"""The memory for documents: what is asked often is read once, and it never grows for ever."""

import pytest
from graphql import build_schema

from web.documents import MAX_CHARACTERS, Documents, Rejected

SCHEMA = build_schema("type Query { name: String }")


def padded(name: str) -> str:
    """A document of a quarter of all that is kept."""
    return f"query {name} {{ name }}".ljust(MAX_CHARACTERS // 4)


def test_a_document_is_read_once() -> None:
    documents = Documents(SCHEMA)

    first = documents.select("{ name }", None)
    again = documents.select("{ name }", None)

    assert again.document is first.document


def test_its_operations_are_told_apart() -> None:
    documents = Documents(SCHEMA)
    text = "query A { name } query B { name }"

    assert documents.select(text, "A").name == "A"
    assert documents.select(text, "B").name == "B"


def test_a_document_that_is_refused_is_not_kept() -> None:
    documents = Documents(SCHEMA)

    with pytest.raises(Rejected) as refused:
        documents.select("{ nothing }", None)

    assert refused.value.code == "GRAPHQL_VALIDATION_FAILED"


def test_the_one_unused_longest_makes_room() -> None:
    documents = Documents(SCHEMA)
    kept = documents.select(padded("A"), None).document
    dropped = documents.select(padded("B"), None).document
    documents.select(padded("C"), None)
    documents.select(padded("D"), None)
    documents.select(padded("A"), None)

    documents.select(padded("E"), None)

    assert documents.select(padded("A"), None).document is kept
    assert documents.select(padded("B"), None).document is not dropped
