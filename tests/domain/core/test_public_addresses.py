"""Which addresses are public, and which URLs can have one."""

from ipaddress import ip_address

import pytest

from domain.core.public_addresses import is_loopback, is_public, url_problem

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "::ffff:8.8.8.8"]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - an address, not one to listen at
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "233.252.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2001:0:4136:e378::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
GOOD_URLS = [
    "https://example.com",
    "https://example.com/",
    "https://hooks.example.com:8443/a/b?c=d",
    "https://example.com./hooks",
    "https://xn--bcher-kva.example/",
    "https://8.8.8.8/hooks",
    "https://[2606:4700:4700::1111]:443/",
    "https://example.com/a%20b?tags[]=c&d=(e)",
    f"https://{'.'.join(['a' * 61] * 4)}.com/",
]
BAD_URLS = {
    "": "a host",
    "example.com": "a host",
    "https://": "a host",
    "http://example.com/": "https://",
    "ftp://example.com/": "https://",
    "file:///etc/hosts": "a host",
    "javascript:alert(1)": "a host",
    "https://user@example.com/": "user name",
    "https://user:password@example.com/": "user name",
    "https://example.com/#part": "fragment",
    "https://example.com/#": "fragment",
    "https://exa mple.com/": "no spaces",
    "https://example.com/\r\nX: y": "no spaces",
    "https://bücher.example/": "encode others",
    "https://example.com/{id}": "encode others",
    "https://example.com/a%": "encode others",
    "https://example.com/%zz": "encode others",
    "https://example.com%00.example.org/": "full domain name",
    "https://{host}.example.com/": "encode others",
    f"https://{'.'.join(['a' * 62] * 4)}.com/": "full domain name",
    "https://example.com\\@10.0.0.1/": "no spaces",
    "https://example.com:22/": "port",
    "https://example.com:80/": "port",
    "https://example.com:0/": "port",
    "https://example.com:99999/": "isn't a URL",
    "https://example.com:port/": "isn't a URL",
    "https://[::1": "isn't a URL",
    "https://localhost/": "everybody",
    "https://app.localhost/": "everybody",
    "https://LOCALHOST./": "everybody",
    "https://printer.local/": "everybody",
    "https://metadata.google.internal/": "everybody",
    "https://127.0.0.1/": "everybody",
    "https://10.0.0.1/": "everybody",
    "https://169.254.169.254/latest": "everybody",
    "https://[::1]/": "everybody",
    "https://[::ffff:127.0.0.1]/": "everybody",
    "https://[64:ff9b::7f00:1]/": "everybody",
    "https://intranet/": "full domain name",
    "https://127.1/": "full domain name",
    "https://2130706433/": "full domain name",
    "https://0x7f000001/": "full domain name",
    "https://0177.0.0.1/": "full domain name",
    "https://1.2.3.4.5/": "full domain name",
    "https://a..example.com/": "full domain name",
    "https://-a.example.com/": "full domain name",
    f"https://example.com/{'a' * 2_000}": "2,000",
}


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_on_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_elsewhere_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_loopback(text: str) -> None:
    assert is_loopback(ip_address(text))


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_url_with_a_public_name_or_address_is_fine(url: str) -> None:
    assert url_problem(url, allows_loopback=False) is None


@pytest.mark.parametrize("url", BAD_URLS)
def test_any_other_url_has_a_problem(url: str) -> None:
    problem = url_problem(url, allows_loopback=False)

    assert problem is not None
    assert BAD_URLS[url] in problem


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/", "http://localhost:80/a", "https://[::1]:9000/"]
)
def test_this_machine_is_fine_in_development_only(url: str) -> None:
    assert url_problem(url, allows_loopback=True) is None
    assert url_problem(url, allows_loopback=False) is not None


@pytest.mark.parametrize("url", ["http://example.com/", "http://10.0.0.1/", "ftp://localhost/"])
def test_other_urls_are_refused_in_development_too(url: str) -> None:
    assert url_problem(url, allows_loopback=True) is not None
