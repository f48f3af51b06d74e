"""Articles of the demo venues' knowledge bases, and the rows by which they are found."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from commands.demo.history import History
from domain.accounts.users import Role
from domain.core.log_events import EventType
from models.support.articles import Article, ArticleIndex, derived, indexed


class DemoArticle(NamedTuple):
    """An article as it is written; a draft unless it is published."""

    locale: str
    title: str
    body: str
    tags: tuple[str, ...] = ()
    is_published: bool = True


ARTICLES: Final = {
    "boom": (
        DemoArticle(
            *("en", "Cancelling and moving a booking"),
            "You can cancel or move a booking **free of charge until 24 hours** before it "
            "starts: use "
            "the link in your confirmation.\n\nAfter that we keep the price, because nobody else "
            "will take the room at such short notice. If you are ill, call us and we find a way.",
            ("cancellation", "refund", "reschedule"),
        ),
        DemoArticle(
            *("en", "Food and drinks"),
            "Our bar serves drinks and snacks in every room until half an hour before closing.\n\n"
            "You may bring a **birthday cake**, but no other food or drinks of your own.",
            ("bar", "catering", "cake"),
        ),
        DemoArticle(
            *("en", "Parking and how to get here"),
            "There is no parking at the venue. The garage on the corner is open until 3 a.m.\n\n"
            "The subway is two minutes away. The entrance and the hall are step-free; the rooftop "
            "stage has stairs.",
            ("directions", "wheelchair", "subway"),
        ),
        DemoArticle(
            *("en", "Age limits"),
            "Everybody is welcome until 9 p.m. After that, guests must be 21: bring an ID.",
            ("children", "kids", "ID"),
        ),
        DemoArticle(
            *("en", "Songs"),
            "We have 60,000 songs in 14 languages. If yours is missing, send us the title a day "
            "before you come.",
            ("karaoke", "languages"),
        ),
        DemoArticle(
            *("es", "Cancelar o cambiar una reserva"),
            "Puede cancelar o cambiar su reserva gratis hasta 24 horas antes, con el enlace de la "
            "confirmación.",
            ("cancelación", "reembolso"),
        ),
        DemoArticle(
            *("en", "Late-night menu"),
            "Burgers after midnight, from next month on. Prices are still open.",
            is_published=False,
        ),
    ),
    "salon": (
        DemoArticle(
            *("de", "Termin absagen oder verschieben"),
            "Bis 24 Stunden vorher ist eine Absage **kostenlos**, und die Anzahlung kommt "
            "zurück.\n\n"
            "Bis zwei Stunden vorher erstatten wir die Hälfte der Anzahlung.",
            ("Stornierung", "Anzahlung"),
        ),
        DemoArticle(
            *("de", "Parken und Anfahrt"),
            "Hinter dem Haus gibt es zwei Parkplätze für Kundinnen und Kunden. Die Straßenbahn "
            "hält "
            "vor der Tür. Der Eingang ist stufenlos.",
            ("Parkplatz", "barrierefrei"),
        ),
        DemoArticle(
            *("de", "Farbe: vor dem ersten Mal"),
            "Vor der ersten Farbbehandlung machen wir einen **Verträglichkeitstest**. Kommen Sie "
            "dafür "
            "48 Stunden vorher kurz vorbei; er dauert fünf Minuten und kostet nichts.",
            ("Allergie", "färben"),
        ),
        DemoArticle(
            *("de", "Gutscheine"),
            "Geschenkgutscheine gibt es an der Kasse und per E-Mail. Sie gelten drei Jahre.",
            ("Geschenk",),
        ),
        DemoArticle(
            *("en", "Cancelling or moving an appointment"),
            "Until 24 hours before, cancelling is free and you get your deposit back. Until two "
            "hours "
            "before, you get half of it.",
            ("cancellation", "deposit"),
        ),
        DemoArticle(
            *("en", "Colour: before your first time"),
            "Before your first colour we do a patch test: drop by 48 hours before, it takes five "
            "minutes and is free.",
            ("allergy", "dye"),
        ),
    ),
}


def articles(history: History) -> list[Article]:
    """Returns a venue's articles, which its manager wrote when it opened."""
    return [_article(history, each) for each in ARTICLES[history.venue.subdomain]]


def indexes(written: list[Article]) -> Iterator[ArticleIndex]:
    """Yields the rows by which articles are found."""
    for each in written:
        yield ArticleIndex(tenant_id=each.tenant_id, id=each.id, **indexed(each))


def _article(history: History, written: DemoArticle) -> Article:
    at = history.opened_at
    article = Article(
        tenant_id=history.tenant_id,
        id=history.new_id(),
        title=written.title,
        body=written.body,
        locale=written.locale,
        tags=list(written.tags),
        published_at=at if written.is_published else None,
        created_at=at,
        updated_at=at,
        **derived(written.title, written.tags, written.locale),
    )
    history.created(EventType.ARTICLE_CREATED, article, at=at, by=Role.MANAGER)
    return article
