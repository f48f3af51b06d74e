"""Access tokens and secrets: parsed as issued, and rejected if altered."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from kit.errors import Unauthenticated
from kit.security.tokens import Claims, KeyToken, Link, Links, TenantToken, Tokens

SECRET = b"a secret of 32 bytes for the tests"
NOW = datetime(2027, 3, 1, 9, 0, 0, 123000, tzinfo=UTC)
TENANT, USER, SESSION = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET)


def signed(tokens: Tokens) -> str:
    token, _ = tokens.sign(tenant_id=TENANT, user_id=USER, session_id=SESSION, now=NOW)
    return token


def test_a_token_says_who_its_bearer_is(tokens: Tokens) -> None:
    claims = tokens.read(signed(tokens), now=NOW)

    until = datetime(2027, 3, 1, 9, 15, tzinfo=UTC)
    assert claims == Claims(tenant_id=TENANT, user_id=USER, session_id=SESSION, expires_at=until)


def test_a_token_expires_at_the_instant_that_was_told(tokens: Tokens) -> None:
    token, expires_at = tokens.sign(tenant_id=TENANT, user_id=USER, session_id=SESSION, now=NOW)

    tokens.read(token, now=expires_at - timedelta(milliseconds=1))
    with pytest.raises(Unauthenticated, match="expired"):
        tokens.read(token, now=expires_at)


def test_another_installations_token_is_refused(tokens: Tokens) -> None:
    token = signed(Tokens(b"the secret of another installation"))

    with pytest.raises(Unauthenticated, match="not valid"):
        tokens.read(token, now=NOW)


def test_the_installations_secret_itself_signs_no_token(tokens: Tokens) -> None:
    claims = jwt.decode(signed(tokens), tokens._keys[0]).claims
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))

    with pytest.raises(Unauthenticated, match="not valid"):
        tokens.read(token, now=NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody-else"},
        {"aud": "another-api"},
        {"aud": ["boom-booking-api", "another-api"]},
        {"sub": "not-a-uuid"},
        {"sub": None},
        {"exp": "2027-03-01"},
        {"exp": None},
    ],
)
def test_a_token_with_other_claims_is_refused(tokens: Tokens, changed: dict[str, object]) -> None:
    claims = jwt.decode(signed(tokens), tokens._keys[0]).claims
    token = jwt.encode({"alg": "HS256"}, {**claims, **changed}, tokens._keys[0])

    with pytest.raises(Unauthenticated, match="not valid"):
        tokens.read(token, now=NOW)


def test_a_longer_signature_is_refused(tokens: Tokens) -> None:
    claims = jwt.decode(signed(tokens), tokens._keys[0]).claims
    token = jwt.encode({"alg": "HS512"}, claims, tokens._keys[0], algorithms=["HS512"])

    with pytest.raises(Unauthenticated, match="not valid"):
        tokens.read(token, now=NOW)


def test_an_unsigned_token_is_refused(tokens: Tokens) -> None:
    header = urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    payload = signed(tokens).split(".")[1]

    with pytest.raises(Unauthenticated, match="not valid"):
        tokens.read(f"{header}.{payload}.", now=NOW)


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated, match="not valid"):
        Tokens(SECRET).read(text, now=NOW)


def test_a_secret_is_read_as_it_was_written() -> None:
    token = TenantToken.new(TENANT)

    read = TenantToken.parse(str(token))

    assert read == token
    assert read.hash == token.hash
    assert len(token.secret) == 43


def test_a_secret_stays_out_of_what_is_printed() -> None:
    token = TenantToken.new(TENANT)

    assert token.secret not in repr(token)


@given(st.text(max_size=100) | st.from_regex(r"[0-9a-f]{32}\.[\w-]{0,50}"))
def test_a_text_that_is_no_secret_gives_none_or_itself(text: str) -> None:
    token = TenantToken.parse(text)

    assert token is None or (str(token) == text and len(token.hash) == 32)


# ------------------------------------------------------------------------------ keys and links


def test_a_key_is_read_as_it_was_written() -> None:
    token = KeyToken.new(TENANT)

    read = KeyToken.parse(str(token))

    assert read == token
    assert str(token) == f"boom_{TENANT.hex}_{token.secret}"
    assert token.prefix == f"boom_{TENANT.hex}_{token.secret[:6]}"


def test_a_key_and_another_secret_are_never_the_same() -> None:
    token = KeyToken.new(TENANT)
    other = TenantToken(TENANT, token.secret)

    assert token.hash != other.hash
    assert KeyToken.parse(str(other)) is None
    assert TenantToken.parse(str(token)) is None
    assert token.secret not in repr(token)


@given(st.text(max_size=100) | st.from_regex(r"boom_[0-9a-f]{32}_[\w-]{0,50}"))
def test_a_text_that_is_no_key_gives_none_or_itself(text: str) -> None:
    token = KeyToken.parse(text)

    assert token is None or (str(token) == text and len(token.hash) == 32)


def test_a_link_says_what_it_opens() -> None:
    link = Link(TENANT, USER, version=3)

    assert Links(SECRET).read(Links(SECRET).sign(link)) == link


def test_another_installations_link_is_none() -> None:
    theirs = Links(b"the secret of another installation").sign(Link(TENANT, USER))

    assert Links(SECRET).read(theirs) is None


def test_an_access_token_is_no_link_nor_the_reverse(tokens: Tokens) -> None:
    link = Links(SECRET).sign(Link(TENANT, USER))

    assert Links(SECRET).read(signed(tokens)) is None
    with pytest.raises(Unauthenticated, match="not valid"):
        tokens.read(link, now=NOW)


@pytest.mark.parametrize(
    "changed",
    [{"iss": "other"}, {"aud": "boom-booking-api"}, {"sub": "nothing"}, {"tenant": None}],
    ids=str,
)
def test_a_link_with_other_claims_is_none(changed: dict[str, object]) -> None:
    links = Links(SECRET)
    claims = jwt.decode(links.sign(Link(TENANT, USER)), links._keys[0]).claims

    forged = jwt.encode({"alg": "HS256"}, {**claims, **changed}, links._keys[0])

    assert links.read(forged) is None


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"))
def test_any_other_text_is_no_link(text: str) -> None:
    assert Links(SECRET).read(text) is None


# ------------------------------------------------------------------------------ rotation

OLD = b"the secret of before, also 32 bytes long"


def test_a_token_of_a_former_secret_is_read_where_that_is_named() -> None:
    former = signed(Tokens(OLD))

    assert Tokens(SECRET, OLD).read(former, now=NOW).user_id == USER
    with pytest.raises(Unauthenticated, match="not valid"):
        Tokens(SECRET).read(former, now=NOW)


def test_a_former_secrets_token_expires_all_the_same() -> None:
    former = signed(Tokens(OLD))

    with pytest.raises(Unauthenticated, match="expired"):
        Tokens(SECRET, OLD).read(former, now=NOW + timedelta(minutes=15))


def test_the_newest_secret_signs() -> None:
    assert signed(Tokens(SECRET, OLD)) == signed(Tokens(SECRET))
    link = Link(TENANT, USER)
    assert Links(SECRET, OLD).sign(link) == Links(SECRET).sign(link)


def test_a_link_of_a_former_secret_is_read_where_that_is_named() -> None:
    link = Link(TENANT, USER, version=3, is_mailed=True)
    former = Links(OLD).sign(link)

    assert Links(SECRET, OLD).read(former) == link
    assert Links(SECRET).read(former) is None


def test_a_former_secrets_access_token_is_still_no_link() -> None:
    assert Links(SECRET, OLD).read(signed(Tokens(OLD))) is None


def test_another_installations_token_is_refused_by_all_keys() -> None:
    theirs = Tokens(b"the secret of another installation")

    with pytest.raises(Unauthenticated, match="not valid"):
        Tokens(SECRET, OLD).read(signed(theirs), now=NOW)
