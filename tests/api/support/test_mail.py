"""Answers by mail: out to the customer in one thread, and back into the ticket."""

import re
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any, Final

import pytest

from kit.runtime import Runtime
from kit.security.reply_addresses import ReplyAddresses, ReplyTo
from kit.settings import Settings
from tests.api.notifications.notices import deliveries, mails, text_of
from tests.api.support.desk import opened, read, reply, resolve, texts
from tests.support.client import Api
from tests.support.desk import BookingClient
from tests.support.factories import Venue
from tests.support.work import run_due_jobs

_FROM: Final = "query ($id: ID!) { ticket(id: $id) { messages { nodes { fromAddress text } } } }"


def answer_to(mail: EmailMessage, text: str, **headers: str) -> EmailMessage:
    """Returns what a mail program sends when somebody answers a mail."""
    answer = EmailMessage()
    given = {
        "From": str(mail["To"]),
        "To": str(mail["Reply-To"]),
        "Subject": f"Re: {mail['Subject']}",
        "Message-ID": "<answer-1@mail.example>",
        "In-Reply-To": str(mail["Message-ID"]),
        **headers,
    }
    for name, value in given.items():
        answer[name] = value
    quoted = "\n".join(f"> {line}" for line in text_of(mail).splitlines())
    answer.set_content(f"{text}\n\nOn Monday, Boom wrote:\n{quoted}\n")
    return answer


async def land(api: Api, mail: EmailMessage | bytes) -> Any:
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()
    response = await api.http.post(
        "/dev/mail/inbound", content=raw, headers={"Content-Type": "message/rfc822"}
    )
    assert response.status_code == 200, response.text
    return response.json()["landing"]


@pytest.fixture
async def asked(
    runtime: Runtime, settings: Settings, guest: BookingClient, staff: BookingClient
) -> tuple[Any, EmailMessage]:
    """A ticket that the team has answered, and the mail with the answer."""
    ticket = await opened(guest)
    await reply(staff, ticket, "What color is it?\n\nAnd where did you sit?")
    await run_due_jobs(runtime)
    return ticket, mails(settings)[-1]


async def test_an_answer_by_mail_lands_in_the_thread_once(
    api: Api,
    runtime: Runtime,
    settings: Settings,
    manager: BookingClient,
    staff: BookingClient,
    asked: tuple[Any, EmailMessage],
) -> None:
    ticket, mail = asked
    assert "What color is it?\n\nAnd where did you sit?" in text_of(mail)
    assert str(mail["Subject"]) == "[1] A lost jacket"
    assert re.fullmatch(r"reply\+[a-z2-7]{48}@reply\.test", str(mail["Reply-To"]))
    sent = ["TICKET_ANSWERED EMAIL SENT", "TICKET_RECEIVED EMAIL SENT"]
    assert await deliveries(manager, channels=["EMAIL"]) == sent

    assert await land(api, answer_to(mail, "Red, by the stage.")) == "REPLY"
    assert await land(api, answer_to(mail, "Red, by the stage.")) == "KNOWN"
    seen = await read(staff, ticket)
    assert (seen["status"], texts(seen)[2:]) == ("OPEN", ["Red, by the stage."])
    assert seen["messages"]["nodes"][2]["channel"] == "MAIL"

    await reply(staff, ticket, "We have it.")
    await run_due_jobs(runtime)
    last = mails(settings)[-1]
    root = str(mail["References"])
    assert str(last["In-Reply-To"]) == "<answer-1@mail.example>"
    assert str(last["References"]).split() == [root, "<answer-1@mail.example>"]


async def test_a_mail_from_elsewhere_is_a_note_for_the_team(
    api: Api, guest: BookingClient, staff: BookingClient, asked: tuple[Any, EmailMessage]
) -> None:
    ticket, mail = asked

    landed = await land(api, answer_to(mail, "Give it to me.", From="Mallory <m@evil.example>"))

    assert landed == "NOTE"
    assert len(texts(await read(guest, ticket))) == 2
    notes = (await staff(_FROM, id=ticket["id"])).payload["messages"]["nodes"]
    assert notes[-1] == {"fromAddress": "m@evil.example", "text": "Give it to me."}


AUTOMATIC: Final[tuple[Mapping[str, str], ...]] = (
    {"Auto-Submitted": "auto-replied"},
    {"Precedence": "bulk"},
    {"X-Autoreply": "yes"},
    {"Return-Path": "<>"},
    {"From": "MAILER-DAEMON@mail.example"},
)


async def test_what_programs_send_changes_nothing(
    api: Api, staff: BookingClient, asked: tuple[Any, EmailMessage]
) -> None:
    ticket, mail = asked

    landed = [await land(api, answer_to(mail, "I am away.", **each)) for each in AUTOMATIC]

    assert landed == ["AUTOMATIC"] * 5
    assert len(texts(await read(staff, ticket))) == 2


def forms(to: str, sender: str) -> dict[str, tuple[bytes, str]]:
    """Returns raw mails to an address, each with the text that it is read as."""
    head = f"From: {sender}\r\nTo: {to}\r\nMIME-Version: 1.0\r\n".encode()
    plain = head + b"Content-Type: text/plain; charset="
    html = head + b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    mixed = head + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n'
    return {
        "latin-1": (plain + b"iso-8859-1\r\n\r\nGr\xfcn.\r\n", "Grün."),
        "an unknown charset": (plain + b"x-none\r\n\r\nRed.\r\n", "Red."),
        "bytes that aren't of the charset": (plain + b"utf-8\r\n\r\nR\xffed.\r\n", "R\ufffded."),
        "base64": (
            plain + b"utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvG4u\r\n",
            "Grün.",
        ),
        "html alone": (html + b"<p>Red &amp; <b>blue</b></p>", "Red & blue"),
        "an attachment": (
            mixed + b"Content-Type: text/plain\r\n\r\nSee the photo.\r\n--x\r\n"
            b"Content-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nPNG\r\n--x--\r\n",
            "See the photo.",
        ),
        "a charset without replacements": (plain + b"idna\r\n\r\nR\xc3\xbcd.\r\n", "Rüd."),
        "nothing": (plain + b"utf-8\r\n\r\n\r\n", "(The mail had no text.)"),
        "nothing visible": (
            plain + "utf-8\r\n\r\n\u200b\u2060\r\n".encode(),
            "(The mail had no text.)",
        ),
        "bytes in headers": (
            b"Message-ID: <\xff\xfe@x>\r\nSubject: \xe4\x00\r\n" + plain + b"utf-8\r\n\r\nRed.\r\n",
            "Red.",
        ),
        "no headers of MIME": (
            f'from: {sender}\nto: "Venue" <{to.upper()}>\n\nRed.\n'.encode(),
            "Red.",
        ),
    }


async def test_mails_of_all_forms_are_read(
    api: Api, staff: BookingClient, asked: tuple[Any, EmailMessage]
) -> None:
    ticket, mail = asked
    given = forms(str(mail["Reply-To"]), str(mail["To"]))

    landed = [await land(api, raw) for raw, _ in given.values()]

    assert landed == ["REPLY"] * 11
    assert texts(await read(staff, ticket))[2:] == [text for _, text in given.values()]


async def test_an_answer_to_a_closed_or_unknown_ticket_has_its_place(
    api: Api, runtime: Runtime, staff: BookingClient, venue: Venue, asked: tuple[Any, EmailMessage]
) -> None:
    ticket, mail = asked
    await resolve(staff, await read(staff, ticket))
    address = str(mail["Reply-To"])

    forged = f"{address[:-20]}{'a' * 4}{address[-16:]}"
    assert await land(api, answer_to(mail, "Hello?", To=forged)) == "NO_TICKET"
    assert await land(api, answer_to(mail, "Hello?", To=address.upper())) == "REPLY"
    assert (await read(staff, ticket))["status"] == "OPEN"


async def test_what_isnt_a_mail_is_refused(api: Api) -> None:
    response = await api.http.post("/dev/mail/inbound", content=b"\x00\x01")

    assert (response.status_code, response.json()) == (422, {"message": "This is no mail."})


async def test_reply_addresses_are_signed_and_fit_into_an_address(
    runtime: Runtime, venue: Venue
) -> None:
    addresses = ReplyAddresses("reply.example.com", b"n" * 32, b"o" * 32)
    to = ReplyTo(venue.tenant.id, 4_000_000_000)
    address = addresses.sign(to)

    assert address is not None and len(address.partition("@")[0]) <= 64
    assert addresses.read(address.upper()) == to
    assert addresses.read(address.replace("reply.example.com", "evil.example")) is None
    assert ReplyAddresses("reply.example.com", b"x" * 32).read(address) is None
    older = ReplyAddresses("reply.example.com", b"o" * 32).sign(to)
    assert addresses.read(older or "") == to
