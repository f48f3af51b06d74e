"""The look of mails: what is escaped, what adapts, and what isn't fetched from elsewhere."""

import re
from typing import Final

from domain.notifications.letters import Letter, Link, as_text
from resolvers.notifications.mail_layout import Brand, as_html

LETTER: Final = Letter(
    "de",
    subject="Bestätigt & <gut>",
    paragraphs=[
        "Hallo <b>Remy</b>,",
        "zum Lageplan: https://boom.example/plan?a=1&b=2.\nBis bald!",
    ],
    details=[("Wann", "Freitag\n19:00"), ("Raum", '"Disco" & Den')],
    button=Link("Ändern", "https://boom.example/b?x=1&y=2"),
    small_print="Sie erhalten …",
    unsubscribe=None,
)


def test_whatever_is_put_into_a_mail_is_escaped() -> None:
    html = as_html(LETTER, Brand("Boom <script>"))

    assert "<title>Bestätigt &amp; &lt;gut&gt;</title>" in html
    assert "<p>Hallo &lt;b&gt;Remy&lt;/b&gt;,</p>" in html
    assert (
        '<p>zum Lageplan: <a href="https://boom.example/plan?a=1&amp;b=2">'
        "https://boom.example/plan?a=1&amp;b=2</a>.<br>Bis bald!</p>"
    ) in html
    assert "&quot;Disco&quot; &amp; Den" in html or '"Disco" &amp; Den' in html
    assert 'href="https://boom.example/b?x=1&amp;y=2"' in html
    assert "<script>" not in html


def test_a_mail_has_a_dark_look_and_fetches_nothing() -> None:
    html = as_html(LETTER, Brand("Boom"))
    hosts = set(re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//([^/\"')]+)", html))

    assert '<html lang="de"' in html
    assert '<meta name="color-scheme" content="light dark"' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert hosts == {"boom.example"}
    assert "$" not in html


def test_a_mail_has_only_the_parts_that_it_needs() -> None:
    bare = Letter("en", "Hello", ["Hello"], [], None, "Why", None)
    with_logo = as_html(bare, Brand("Boom", "#ffd54a", "https://boom.example/logo.png"))

    assert as_text(bare) == "Hello\n\n-- \nWhy\n"
    assert "<a " not in as_html(bare, Brand("Boom"))
    assert 'src="https://boom.example/logo.png"' in with_logo
    assert "#ffd54a" in with_logo


def test_the_text_part_says_the_same() -> None:
    assert as_text(LETTER) == (
        "Hallo <b>Remy</b>,\n\n"
        "zum Lageplan: https://boom.example/plan?a=1&b=2.\nBis bald!\n\n"
        'Wann: Freitag, 19:00\nRaum: "Disco" & Den\n\n'
        "Ändern:\nhttps://boom.example/b?x=1&y=2\n\n"
        "-- \nSie erhalten …\n"
    )
