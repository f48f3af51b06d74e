"""Mail: the SMTP dialogue, and the outbox folder without a mail server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from aiosmtplib import SMTPAuthenticationError, SMTPConnectError

from integrations.delivery import OutcomeUnknown, Undeliverable
from integrations.mail.factory import mail_of
from integrations.mail.local import LocalMail
from integrations.mail.protocol import Mail, Message
from integrations.mail.smtp import SmtpMail
from integrations.outbox import Outbox
from kit.settings import Environment, Settings

INVITATION = Message(
    to="ann@example.test", subject="Your invitation to Café Böhm", text="Hello Ann,\n\n→ code\n"
)
UNSUBSCRIBE = f"<https://book.example.com/unsubscribe/{'a' * 90}>"
ENTRY = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Jörg\r\nEND:VCALENDAR\r\n"
CONFIRMATION = Message(
    to="joerg@example.test",
    subject="Ihre Buchung",
    text="Bis bald, Jörg",
    html="<p>Bis bald, Jörg</p>",
    calendar=("REQUEST", ENTRY),
    headers={
        "List-Unsubscribe": UNSUBSCRIBE,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
    from_name="Café, Böhm",
    reply_to="desk@boehm.example",
    message_id="0192d7",
)


def read(raw: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=default).parsebytes(raw)


def kept_in(outbox: Path) -> list[EmailMessage]:
    return [read(each.read_bytes()) for each in sorted(outbox.glob("*.eml"))]


class Inbox:
    """Keeps what a mail server accepts."""

    def __init__(self) -> None:
        self.accepted: list[Envelope] = []
        self.port = 0
        self.takes_any_letters = False
        self.answers_after_seconds = 0.0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.accepted.append(envelope)
        await asyncio.sleep(self.answers_after_seconds)
        return "250 Taken"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    is_right = data == LoginPassword(b"boom@example.test", b"s3cret/word")
    return AuthResult(success=is_right, handled=False)


@pytest_asyncio.fixture
async def inbox() -> AsyncIterator[Inbox]:
    """A mail server on loopback."""
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            inbox,
            authenticator=authenticate,
            auth_require_tls=False,
            enable_SMTPUTF8=inbox.takes_any_letters,
        ),
        "127.0.0.1",
        0,
    )
    inbox.port = server.sockets[0].getsockname()[1]
    async with server:
        yield inbox


async def test_a_mail_server_gets_the_message(inbox: Inbox) -> None:
    mail = SmtpMail.at(f"smtp://127.0.0.1:{inbox.port}?from=bookings%40example.com")

    await mail.send(INVITATION)

    (envelope,) = inbox.accepted
    assert envelope.mail_from == "bookings@example.com"
    assert envelope.rcpt_tos == ["ann@example.test"]
    assert isinstance(envelope.content, bytes)
    email = read(envelope.content)
    assert email["Subject"] == "Your invitation to Café Böhm"
    assert email["From"] == "bookings@example.com"
    assert email["Auto-Submitted"] == "auto-generated"
    assert email.get_content() == "Hello Ann,\r\n\r\n→ code\r\n"


async def test_a_message_arrives_with_html_a_calendar_entry_and_its_headers(inbox: Inbox) -> None:
    mail = SmtpMail.at(f"smtp://127.0.0.1:{inbox.port}?from=bookings%40example.com")

    sent_as = await mail.send(CONFIRMATION)

    (envelope,) = inbox.accepted
    assert isinstance(envelope.content, bytes)
    email = read(envelope.content)
    assert sent_as == email["Message-ID"] == "<0192d7@example.com>"
    assert email["From"] == '"Café, Böhm" <bookings@example.com>'
    assert email["Reply-To"] == "desk@boehm.example"
    assert email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # On one line, and as it is: mail programs read no encoded words in it.
    assert f"\r\nList-Unsubscribe: {UNSUBSCRIBE}\r\n".encode() in envelope.content
    parts = [(part.get_content_type(), part.get_content_disposition()) for part in email.walk()]
    assert parts == [
        ("multipart/mixed", None),
        ("multipart/alternative", None),
        ("text/plain", None),
        ("text/html", None),
        ("text/calendar", None),
        ("application/ics", "attachment"),
    ]
    text, html, calendar, attached = [each for each in email.walk() if not each.is_multipart()]
    assert text.get_content() == "Bis bald, Jörg\r\n"
    assert html.get_content() == "<p>Bis bald, Jörg</p>\r\n"
    assert calendar["Content-Type"].params["method"] == "REQUEST"
    assert calendar.get_content() == attached.get_content().decode() == ENTRY
    assert attached.get_filename() == "invite.ics"


async def test_a_connection_lost_while_the_message_is_taken_has_an_unknown_outcome(
    inbox: Inbox,
) -> None:
    mail = replace(SmtpMail.at(f"smtp://127.0.0.1:{inbox.port}"), timeout_seconds=0.5)
    inbox.answers_after_seconds = 2

    with pytest.raises(OutcomeUnknown):
        await mail.send(INVITATION)


@pytest.mark.parametrize(
    "headers",
    [{"List-Unsubscribe": "<https://a>\r\nBcc: bob@example.test"}, {"X-A": "b\nc"}],
    ids=["unsubscribe", "another"],
)
async def test_a_header_of_several_lines_is_refused(inbox: Inbox, headers: dict[str, str]) -> None:
    forged = replace(INVITATION, headers=headers)

    with pytest.raises(ValueError, match="Header values"):
        await SmtpMail.at(f"smtp://127.0.0.1:{inbox.port}").send(forged)

    assert not inbox.accepted


async def test_an_umlaut_domain_arrives_where_only_ascii_is_taken(inbox: Inbox) -> None:
    mail = SmtpMail.at(f"smtp://127.0.0.1:{inbox.port}")

    await mail.send(replace(INVITATION, to="Kim@Straße.de"))

    (envelope,) = inbox.accepted
    assert envelope.rcpt_tos == ["Kim@xn--strae-oqa.de"]
    assert isinstance(envelope.content, bytes)
    assert read(envelope.content)["To"] == "Kim@xn--strae-oqa.de"


async def test_letters_beyond_ascii_before_the_at_need_smtputf8(inbox: Inbox) -> None:
    mail = SmtpMail.at(f"smtp://127.0.0.1:{inbox.port}")
    to_umlaut = replace(INVITATION, to="müller@example.test")

    with pytest.raises(Undeliverable, match="SMTPUTF8"):
        await mail.send(to_umlaut)
    inbox.takes_any_letters = True
    await mail.send(to_umlaut)

    (envelope,) = inbox.accepted
    assert envelope.rcpt_tos == ["müller@example.test"]


@pytest.mark.parametrize("to", ["a,b@example.test", "ann@example.test\nBcc: bob@example.test", ""])
async def test_what_is_no_single_address_gets_no_mail(
    inbox: Inbox, tmp_path: Path, to: str
) -> None:
    stored = replace(INVITATION, to=to)

    with pytest.raises(Undeliverable, match="stored"):
        await SmtpMail.at(f"smtp://127.0.0.1:{inbox.port}").send(stored)
    with pytest.raises(Undeliverable, match="stored"):
        await LocalMail(Outbox(tmp_path)).send(stored)

    assert not inbox.accepted and not kept_in(tmp_path)


async def test_a_mail_server_is_logged_in_to_with_the_urls_password(inbox: Inbox) -> None:
    mail = SmtpMail.at(f"smtp://boom%40example.test:s3cret%2Fword@127.0.0.1:{inbox.port}")

    await mail.send(INVITATION)

    (envelope,) = inbox.accepted
    assert envelope.mail_from == "boom@example.test"


async def test_a_wrong_mail_password_is_an_error(inbox: Inbox) -> None:
    mail = SmtpMail.at(f"smtp://boom%40example.test:wrong@127.0.0.1:{inbox.port}")

    with pytest.raises(SMTPAuthenticationError):
        await mail.send(INVITATION)


async def test_a_mail_server_that_is_away_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(SMTPConnectError):
        await SmtpMail.at(f"smtp://127.0.0.1:{port}").send(INVITATION)


def test_a_mail_password_stays_out_of_what_is_printed() -> None:
    mail = SmtpMail.at("smtps://boom:s3cret@mail.example.com")

    assert "s3cret" not in repr(mail)
    assert (mail.port, mail.tls) == (465, True)


async def test_without_a_mail_server_messages_are_kept_as_files(tmp_path: Path) -> None:
    mail = LocalMail(Outbox(tmp_path / "outbox"))

    await mail.send(INVITATION)

    (email,) = kept_in(tmp_path / "outbox")
    assert email["To"] == "ann@example.test"
    assert email.get_content() == "Hello Ann,\n\n→ code\n"


async def test_only_the_latest_messages_are_kept(tmp_path: Path) -> None:
    mail = LocalMail(Outbox(tmp_path, kept=2))

    await mail.send(Message(to="ann@example.test", subject="First", text=""))
    await mail.send(Message(to="ann@example.test", subject="Second", text=""))
    await mail.send(Message(to="ann@example.test", subject="Third", text=""))

    assert [email["Subject"] for email in kept_in(tmp_path)] == ["Second", "Third"]


async def test_a_subject_of_several_lines_is_refused(tmp_path: Path) -> None:
    forged = Message(to="ann@example.test", subject="Hello\nBcc: bob@example.test", text="")

    with pytest.raises(ValueError, match="Header values"):
        await LocalMail(Outbox(tmp_path)).send(forged)


@pytest.mark.parametrize(
    ("smtp_url", "kind"), [(None, LocalMail), ("smtp://mail.example.com", SmtpMail)]
)
def test_the_settings_say_how_mail_is_sent(
    tmp_path: Path, smtp_url: str | None, kind: type[Mail]
) -> None:
    settings = Settings(
        _env_file=None, environment=Environment.TEST, data=tmp_path, smtp_url=smtp_url
    )

    assert type(mail_of(settings)) is kind
