"""Articles of the knowledge base."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.support import article_search, articles
from schema.bookings.public_venue import Venue
from schema.core.connections import Connection, connection
from schema.core.fields import Node, column, computed, extends, node, query, value
from schema.core.mutations import mutation, payload

SEARCH_COST = Cost(10)


@node(models.Article, visible=articles.visible_articles, requires=P.ARTICLES_READ)
class Article(Node):
    """An article of the venue's knowledge base, which answers a question of its customers."""

    title: str = column("The title.")
    body: str = column("The text in Markdown: at most 20,000 characters.")
    locale: str = column("The language that it is written in: a language tag such as 'en-US'.")
    tags: list[str] = column("Words by which it is found too: at most 20.")
    published_at: datetime | None = column("When it was published, or null if it is a draft.")
    archived_at: datetime | None = column("When it was archived, or null if it wasn't.")
    version: int = column(
        "The version of the article. It increases with every change; pass it to mutations that "
        "change the article."
    )
    created_at: datetime = column("When the article was created.")
    updated_at: datetime = column("When the article was last changed.")


@value(article_search.FoundArticle)
class FoundArticle:
    """An article that was found for a text."""

    article: Article = column("The article.")
    confidence: float = column(
        "How likely it answers the text: 0 to 1. Below 0.3 it rather doesn't."
    )
    excerpt: str = column("The part that fits the text best: plain text, at most 300 characters.")


@value(models.Article)
class VenueArticle:
    """The public data of an article of a venue."""

    title: str = column("The title.")
    body: str = column("The text in Markdown: at most 20,000 characters.")
    locale: str = column("The language that it is written in: a language tag such as 'en-US'.")
    tags: list[str] = column("Words by which it is found too: at most 20.")
    updated_at: datetime = column("When the article was last changed.")


@value(article_search.FoundArticle)
class VenueFoundArticle:
    """An article of a venue that was found for a text."""

    article: VenueArticle = column("The article.")
    confidence: float = column(
        "How likely it answers the text: 0 to 1. Below 0.3 it rather doesn't."
    )
    excerpt: str = column("The part that fits the text best: plain text, at most 300 characters.")


@extends(Venue)
class VenueArticles:
    articles: Connection[VenueArticle] = connection(
        articles.public_articles, inside=articles.publicly
    )
    search_articles: list[VenueFoundArticle] | None = computed(
        article_search.search_publicly, cost=SEARCH_COST
    )


@strawberry.type
class ArticleQueries:
    article: Article | None = query(articles.article, requires=P.ARTICLES_READ)
    articles: Connection[Article] | None = connection(articles.articles, requires=P.ARTICLES_READ)
    search_articles: list[FoundArticle] | None = query(
        article_search.search_articles, requires=P.ARTICLES_READ, cost=SEARCH_COST
    )


@payload
class CreateArticlePayload:
    """The result of `createArticle`."""

    article: Article | None


@payload
class UpdateArticlePayload:
    """The result of `updateArticle`."""

    article: Article | None


@payload
class ArchiveArticlePayload:
    """The result of `archiveArticle`."""

    article: Article | None


@strawberry.type
class ArticleMutations:
    create_article: CreateArticlePayload | None = mutation(
        articles.create_article, requires=P.ARTICLES_WRITE, emits=[EventType.ARTICLE_CREATED]
    )
    update_article: UpdateArticlePayload | None = mutation(
        articles.update_article, requires=P.ARTICLES_WRITE, emits=[EventType.ARTICLE_UPDATED]
    )
    archive_article: ArchiveArticlePayload | None = mutation(
        articles.archive_article, requires=P.ARTICLES_WRITE, emits=[EventType.ARTICLE_ARCHIVED]
    )
