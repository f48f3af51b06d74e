"""Reports on mails of ours, as mail servers and providers send them."""

from email import message_from_bytes
from email.policy import default

import pytest

from integrations.mail.reports import MailReport, MailReportKind, report_of

BOUNCE = """\
From: MAILER-DAEMON@mx.example.net
To: bookings@example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain

The mail system: unknown user

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Mon, 1 Mar 2027 10:00:00 +0000

Final-Recipient: rfc822; ada@example.net
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 unknown user

--part
Content-Type: {returned}

From: Boom <bookings@example.com>
To: ada@example.net
Subject: Confirmed
MESSAGE-ID:
 <0a.0b@example.com>
{rest}
--part--
"""
COMPLAINT = """\
From: <abuse@example.net>
Content-Type: multipart/report; report-type=feedback-report; boundary="part"

--part
Content-Type: text/plain

This is an abuse report.

--part
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Example/1.0
Version: 1

--part
Content-Type: message/rfc822

From: <bookings@example.com>
Message-ID: <0a.0b@example.com>
Subject: Confirmed

Hello
--part--
"""


def bounce(
    action: str = "failed", status: str = "5.1.1", returned: str = "message/rfc822"
) -> bytes:
    rest = "\nHello\n" if returned == "message/rfc822" else ""
    text = BOUNCE.format(action=action, status=status, returned=returned, rest=rest)
    return text.replace("\n", "\r\n").encode()


def reported(raw: bytes) -> MailReport | None:
    return report_of(message_from_bytes(raw, policy=default))


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_bounce_names_the_mail_that_came_back(returned: str) -> None:
    assert reported(bounce(returned=returned)) == MailReport(
        MailReportKind.BOUNCED, "0a.0b@example.com"
    )


def test_a_complaint_names_the_mail_that_was_unwanted() -> None:
    found = reported(COMPLAINT.encode())

    assert found == MailReport(MailReportKind.COMPLAINED, "0a.0b@example.com")


@pytest.mark.parametrize(
    "mail",
    [
        bounce(action="delayed", status="4.4.1"),
        bounce(status="4.2.2"),
        bounce(action="delivered", status="2.0.0"),
        b"From: ada@example.net\r\nMessage-ID: <0a.0b@example.com>\r\n\r\nHello",
        COMPLAINT.replace("Message-ID", "X-Id").encode(),
        b"",
        b"\xff\x00 Content-Type: multipart/report",
    ],
    ids=["delayed", "full for now", "delivered", "a mail", "of another", "nothing", "noise"],
)
def test_anything_else_reports_nothing(mail: bytes) -> None:
    assert reported(mail) is None
