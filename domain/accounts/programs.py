"""Names of browsers and other programs, from their user agents."""

import re
from typing import Final

# In this order: most browsers include the names of others for compatibility.
_BROWSERS: Final = {
    "Edge": re.compile(r"\bEdg(A|iOS|e)?/"),
    "Opera": re.compile(r"\b(OPR|OPiOS|Opera)/"),
    "Samsung Internet": re.compile(r"\bSamsungBrowser/"),
    "Vivaldi": re.compile(r"\bVivaldi/"),
    "Firefox": re.compile(r"\b(Firefox|FxiOS)/"),
    "Chrome": re.compile(r"\b(Chrome|CriOS)/"),
    "Safari": re.compile(r"\bSafari/"),
}
_SYSTEMS: Final = {
    "iPhone": re.compile(r"\biPhone\b"),
    "iPad": re.compile(r"\biPad\b"),
    "Android": re.compile(r"\bAndroid\b"),
    "Windows": re.compile(r"\bWindows\b"),
    "ChromeOS": re.compile(r"\bCrOS\b"),
    "macOS": re.compile(r"\bMacintosh\b"),
    "Linux": re.compile(r"\bLinux\b"),
}
# Only letters, digits and hyphens: mail clients can't turn the name into a link.
_PRODUCT: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,29}")


def program_name(user_agent: str | None) -> str:
    """Returns 'Firefox on Windows' for a browser, and the product's name for others: 'curl'."""
    text = (user_agent or "").strip()
    if not text.startswith("Mozilla/"):
        product = _PRODUCT.match(text)
        return product[0] if product else "an unknown program"
    browser = _first(_BROWSERS, text) or "an unknown program"
    system = _first(_SYSTEMS, text)
    return f"{browser} on {system}" if system else browser


def _first(known: dict[str, re.Pattern[str]], text: str) -> str | None:
    return next((name for name, sign in known.items() if sign.search(text)), None)
