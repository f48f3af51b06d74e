"""Programs by the names that people know."""

import pytest

from domain.accounts.programs import program_name

_GECKO = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
_ANDROID = "Mozilla/5.0 (Linux; Android 14; SM-S921B)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (_GECKO, "Firefox on Windows"),
        (f"{_MAC} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36", "Chrome on macOS"),
        (f"{_MAC} {_WEBKIT} Version/17.5 Safari/605.1.15", "Safari on macOS"),
        (f"{_MAC} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge on macOS"),
        (f"{_MAC} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36 OPR/112.0.0.0", "Opera on macOS"),
        (f"{_IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{_IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"{_ANDROID} {_WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            f"{_ANDROID} {_WEBKIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36",
            "Chrome on ChromeOS",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0)", "an unknown program on Windows"),
        ("Mozilla/5.0", "an unknown program"),
    ],
)
def test_a_browser_is_named_with_its_system(user_agent: str, name: str) -> None:
    assert program_name(user_agent) == name


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("curl/7.88.1", "curl"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("Go-http-client/1.1", "Go-http-client"),
        ("okhttp/4.12.0 (Android)", "okhttp"),
        (" PostmanRuntime ", "PostmanRuntime"),
        (None, "an unknown program"),
        ("", "an unknown program"),
        ("/7.88.1", "an unknown program"),
    ],
)
def test_another_program_is_named_by_its_product(user_agent: str | None, name: str) -> None:
    assert program_name(user_agent) == name


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("visit evil.test/1.0", "visit"),
        ("https://evil.test/", "https"),
        ("evil.test/1.0", "evil"),
        ("kim@evil.test", "kim"),
        ("Mozilla/5.0 (Windows; visit evil.test) Firefox/128.0", "Firefox on Windows"),
        ("a\r\nSubject: b", "a"),
        (31 * "a", 30 * "a"),
    ],
)
def test_nothing_of_a_name_can_be_followed(user_agent: str, name: str) -> None:
    assert program_name(user_agent) == name
