"""Requests to addresses of customers' choice reach public ones only, and end in time."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from integrations.outbound.client import (
    MAX_BYTES,
    AddressRefused,
    ConnectionFailed,
    Outbound,
    OutboundAnswer,
    TimedOut,
)
from tests.support.receiver import Received, receiver


@pytest.fixture
def here() -> Iterator[Outbound]:
    """What may reach this machine."""
    outbound = Outbound(allows_loopback=True)
    yield outbound
    outbound.close()


@pytest.fixture
def guarded() -> Iterator[Outbound]:
    outbound = Outbound()
    yield outbound
    outbound.close()


async def post(outbound: Outbound, url: str, *, seconds: float = 5) -> OutboundAnswer:
    async with outbound.session() as session:
        return await session.post(url, headers={"A": "b"}, body=b"{}", seconds=seconds)


async def test_a_request_is_sent_and_its_answer_returned(here: Outbound) -> None:
    async with receiver() as receiving:
        receiving.fails(418, "no coffee")

        assert await post(here, f"{receiving.url}/pot?a=b") == OutboundAnswer(418, b"no coffee")
        (received,) = receiving.requests
        assert (received.path, received.headers["a"], received.body) == ("/pot?a=b", "b", b"{}")


async def test_requests_of_a_session_share_a_connection(here: Outbound) -> None:
    async with receiver() as receiving, here.session() as session:
        for _ in range(3):
            await session.post(receiving.url, headers={}, body=b"")

        assert (len(receiving.requests), receiving.connections) == (3, 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_no_connection_is_made_to_what_is_not_public(guarded: Outbound, host: str) -> None:
    async with receiver() as receiving:
        with pytest.raises(AddressRefused):
            await post(guarded, receiving.url.replace("127.0.0.1", host))

        assert receiving.connections == 0


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fe80::1]"])
async def test_development_reaches_this_machine_alone(here: Outbound, host: str) -> None:
    with pytest.raises(AddressRefused):
        await post(here, f"http://{host}/")


async def test_a_redirect_is_not_followed(here: Outbound) -> None:
    async with receiver() as receiving:
        receiving.location = f"{receiving.url}/elsewhere"
        receiving.fails(302)

        assert (await post(here, receiving.url)).status == 302
        assert len(receiving.requests) == 1


async def test_a_proxy_of_the_environment_is_not_used(
    here: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiver() as receiving, receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        await post(here, receiving.url)

        assert (receiving.connections, proxy.connections) == (1, 0)


async def test_a_long_answer_is_not_read_to_its_end(here: Outbound) -> None:
    async with receiver() as receiving:
        receiving.fails(500, "x" * 10_000_000)

        assert len((await post(here, receiving.url)).body) == MAX_BYTES


async def test_a_request_without_an_answer_ends(here: Outbound) -> None:
    async def hang(_: Received) -> tuple[int, str]:
        await asyncio.sleep(60)
        return 200, ""

    async with receiver() as receiving:
        receiving.answers = hang
        with pytest.raises(TimedOut, match=r"within 0\.2 seconds"):
            await post(here, receiving.url, seconds=0.2)


async def test_nobody_at_the_address_is_a_failure(here: Outbound) -> None:
    async with receiver() as receiving:
        url = receiving.url
    with pytest.raises(ConnectionFailed, match="no connection"):
        await post(here, url)


async def test_a_name_that_nobody_has_is_a_failure(here: Outbound) -> None:
    with pytest.raises(ConnectionFailed, match="name was not found"):
        await post(here, "https://nobody.invalid/")


async def test_a_certificate_has_to_be_valid(here: Outbound, tmp_path: Path) -> None:
    async with receiver(tls=_unknown_certificate(tmp_path)) as receiving:
        with pytest.raises(ConnectionFailed, match="certificate is not valid"):
            await post(here, receiving.url)

        assert receiving.requests == []


def _unknown_certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
