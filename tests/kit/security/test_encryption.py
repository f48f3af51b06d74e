"""What lies in the database sealed: read by the same installation, for the same use."""

import pytest

from kit.security.encryption import Seal, Unreadable

SEAL = Seal(b"a secret of this installation, long enough")


def test_what_is_sealed_can_be_opened() -> None:
    sealed = SEAL.seal("Grüße", use="mail")

    assert "Grüße" not in sealed
    assert SEAL.open(sealed, use="mail") == "Grüße"


def test_the_same_text_is_never_sealed_alike() -> None:
    assert SEAL.seal("x", use="mail") != SEAL.seal("x", use="mail")


@pytest.mark.parametrize("changed", ["", "x", "AAAA", "AAAA" * 20])
def test_anything_else_is_unreadable(changed: str) -> None:
    with pytest.raises(Unreadable):
        SEAL.open(changed, use="mail")


def test_another_use_or_secret_opens_nothing() -> None:
    sealed = SEAL.seal("x", use="mail")

    with pytest.raises(Unreadable):
        SEAL.open(sealed, use="password_reset")
    with pytest.raises(Unreadable):
        Seal(b"another installation's secret, as long").open(sealed, use="mail")
