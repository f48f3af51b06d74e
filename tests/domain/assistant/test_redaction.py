"""Contact data are taken out of texts, and nothing that only looks like them."""

import pytest

from domain.assistant.redaction import redacted


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("I am mia.b+x@mail.example.com.", "I am [e-mail]."),
        ("Call +49 170 1234567 or 030 1234567!", "Call [phone] or [phone]!"),
        ("(555) 123-4567, 555-123-4567, 0033612345678", "[phone], [phone], [phone]"),
        ("On 2026-12-04 at 19:00, for 120.50", "On 2026-12-04 at 19:00, for 120.50"),
        ("04.12.2026 um 19:00, 01.02.2027", "04.12.2026 um 19:00, 01.02.2027"),
        ("D967-HBX2 for 12 people, 1,234.00 EUR", "D967-HBX2 for 12 people, 1,234.00 EUR"),
    ],
)
def test_contact_data_are_replaced(text: str, stored: str) -> None:
    assert redacted(text) == stored
