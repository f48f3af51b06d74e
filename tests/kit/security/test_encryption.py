"""Encrypted texts can be decrypted only with their key, for the same purpose, unmodified."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.security.encryption import Cipher, DecryptionError, UnknownKey

OLD, NEW = b"the secret that is retired, long enough", b"the secret of today, at least as long"
CIPHER = Cipher(NEW)
# Written before texts named their keys.
UNVERSIONED = "kKkgp7zPzYJHUE8Y6EpY8GXq/vwGI2OwpPPCr6+RlJGwmkk="
ITS_SECRET = b"the secret of 2026, before keys had names"

texts = st.text(max_size=200)
uses = st.text(max_size=20)
secrets = st.binary(min_size=32, max_size=64)


def test_what_is_encrypted_can_be_decrypted() -> None:
    encrypted = CIPHER.encrypt("Grüße", use="mail")

    assert "Grüße" not in encrypted
    assert CIPHER.decrypt(encrypted, use="mail") == "Grüße"


def test_the_same_text_is_never_encrypted_alike() -> None:
    assert CIPHER.encrypt("x", use="mail") != CIPHER.encrypt("x", use="mail")


def test_a_text_begins_with_its_version_and_the_name_of_its_key() -> None:
    version, key_id, _ = CIPHER.encrypt("x", use="mail").split(".")

    assert (version, key_id) == ("v1", "659f0b6e127a0d4c")
    assert key_id != Cipher(OLD).encrypt("x", use="mail").split(".")[1]


def test_a_text_of_before_keys_had_names_is_decrypted() -> None:
    assert Cipher(ITS_SECRET).decrypt(UNVERSIONED, use="mail") == "Grüße"
    assert Cipher(NEW, OLD, ITS_SECRET).decrypt(UNVERSIONED, use="mail") == "Grüße"


def test_a_text_of_before_keys_had_names_is_for_its_key_and_use_only() -> None:
    with pytest.raises(DecryptionError, match="names no key, and none that is known here"):
        Cipher(NEW, OLD).decrypt(UNVERSIONED, use="mail")
    with pytest.raises(DecryptionError, match="names no key, and none that is known here"):
        Cipher(ITS_SECRET).decrypt(UNVERSIONED, use="password_reset")


@pytest.mark.parametrize("text", ["", "x", "AAAA", "AAAA" * 20, "é"])
def test_any_other_text_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(DecryptionError, match="names no key"):
        CIPHER.decrypt(text, use="mail")


@pytest.mark.parametrize("text", [".", "v1.AAAA", "v1..AAAA", "v1.0123456789ABCDEF.AAAA", "x.y.z"])
def test_any_other_head_is_refused(text: str) -> None:
    with pytest.raises(DecryptionError, match="not in the form"):
        CIPHER.decrypt(text, use="mail")


def test_a_key_that_is_not_known_is_named() -> None:
    encrypted = Cipher(OLD).encrypt("x", use="mail")

    with pytest.raises(UnknownKey, match=r"the key [0-9a-f]{16}, which is not known") as raised:
        CIPHER.decrypt(encrypted, use="mail")

    assert raised.value.key_id == encrypted.split(".")[1]


def test_a_later_version_may_be_known_to_another_process() -> None:
    encrypted = CIPHER.encrypt("x", use="mail")

    with pytest.raises(UnknownKey, match=r"\(v2\)"):
        CIPHER.decrypt("v2" + encrypted[2:], use="mail")


# ------------------------------------------------------------------------------ for every text


@given(texts, uses, st.lists(secrets, min_size=1, max_size=4, unique=True), st.data())
def test_all_keys_decrypt_and_the_newest_encrypts(
    text: str, use: str, known: list[bytes], data: st.DataObject
) -> None:
    former = Cipher(data.draw(st.sampled_from(known)))
    rotated = Cipher(*known)

    assert rotated.decrypt(former.encrypt(text, use=use), use=use) == text
    assert Cipher(known[0]).decrypt(rotated.encrypt(text, use=use), use=use) == text


@given(texts, uses, uses)
def test_another_use_decrypts_nothing(text: str, use: str, other: str) -> None:
    encrypted = CIPHER.encrypt(text, use=use)

    if use != other:
        with pytest.raises(DecryptionError, match="changed since it was encrypted with the key"):
            CIPHER.decrypt(encrypted, use=other)


@given(texts, st.data())
def test_a_text_of_which_one_bit_is_changed_is_refused(text: str, data: st.DataObject) -> None:
    version, key_id, body = CIPHER.encrypt(text, use="mail").split(".")
    changed = bytearray(b64decode(body))
    bit = data.draw(st.integers(0, len(changed) * 8 - 1))
    changed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(DecryptionError, match="changed since it was encrypted with the key"):
        CIPHER.decrypt(f"{version}.{key_id}.{b64encode(changed).decode()}", use="mail")


@given(texts, st.integers(min_value=0))
def test_a_text_that_is_cut_off_is_refused(text: str, length: int) -> None:
    encrypted = CIPHER.encrypt(text, use="mail")

    with pytest.raises(DecryptionError):
        CIPHER.decrypt(encrypted[: length % len(encrypted)], use="mail")


@given(texts, uses)
def test_a_text_can_not_be_given_another_head_or_none(text: str, use: str) -> None:
    both = Cipher(NEW, OLD)
    _, of_old, _ = Cipher(OLD).encrypt("", use="").split(".")
    _, _, body = both.encrypt(text, use=use).split(".")

    with pytest.raises(DecryptionError, match="changed since it was encrypted with the key"):
        both.decrypt(f"v1.{of_old}.{body}", use=use)
    with pytest.raises(DecryptionError, match="names no key"):
        both.decrypt(body, use=use)


@given(texts, secrets)
def test_a_text_shows_nothing_of_the_secret(text: str, secret: bytes) -> None:
    encrypted = Cipher(secret).encrypt(text, use="mail").encode()

    assert secret not in encrypted and secret.hex().encode() not in encrypted


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(DecryptionError):
        CIPHER.decrypt(text, use="mail")
