"""SMS are counted as 3GPP TS 23.038 encodes them."""

import pytest

from domain.notifications.sms import SmsEncoding, SmsLength, in_gsm, sms_length, sms_text

# The tables of TS 23.038, 6.2.1 and 6.2.1.1, in the order of their codes.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"


def test_the_alphabet_has_127_characters_and_ten_that_count_twice() -> None:
    assert (len(BASIC), len(set(BASIC))) == (127, 127)
    assert sms_length(BASIC) == SmsLength(SmsEncoding.GSM_7, 127, 1, 33)
    assert sms_length(EXTENSION) == SmsLength(SmsEncoding.GSM_7, 20, 1, 140)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", SmsLength(SmsEncoding.GSM_7, 0, 1, 160)),
        ("a" * 160, SmsLength(SmsEncoding.GSM_7, 160, 1, 0)),
        ("a" * 161, SmsLength(SmsEncoding.GSM_7, 161, 2, 145)),
        ("a" * 306, SmsLength(SmsEncoding.GSM_7, 306, 2, 0)),
        ("a" * 307, SmsLength(SmsEncoding.GSM_7, 307, 3, 152)),
        # The euro sign doesn't fit the 153rd place of the first segment alone.
        ("a" * 152 + "€" + "a" * 10, SmsLength(SmsEncoding.GSM_7, 164, 2, 141)),
        ("ç" * 70, SmsLength(SmsEncoding.UCS_2, 70, 1, 0)),
        ("ç" * 71, SmsLength(SmsEncoding.UCS_2, 71, 2, 63)),
        ("ç" * 66 + "🎤" + "ç" * 3, SmsLength(SmsEncoding.UCS_2, 71, 2, 62)),
    ],
    ids=str,
)
def test_a_text_is_counted_in_segments(text: str, length: SmsLength) -> None:
    assert sms_length(text) == length


def test_typographic_characters_become_those_of_the_alphabet() -> None:
    assert sms_text("7:00\u202fPM\u2013“9:00”\u00a0…") == '7:00 PM-"9:00" ...'
    assert in_gsm("sáb, 9 août, décembre, März") == "sab, 9 aout, décembre, März"
