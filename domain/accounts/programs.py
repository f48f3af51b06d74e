"""The programs that people log in with, named as they know them."""

import re
from typing import Final

# In this order: most browsers name others as well, for sites that look for those.
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
# Letters, digits and hyphens alone: nothing of it can be taken for an address.
_PRODUCT: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,29}")


def program_name(user_agent: str | None) -> str:
    """'Firefox on Windows' for a browser; for others the name of the product, as 'curl'."""
    text = (user_agent or "").strip()
    if not text.startswith("Mozilla/"):
        product = _PRODUCT.match(text)
        return product[0] if product else "an unknown program"
    browser = _first(_BROWSERS, text) or "an unknown program"
    system = _first(_SYSTEMS, text)
    return f"{browser} on {system}" if system else browser


def _first(known: dict[str, re.Pattern[str]], text: str) -> str | None:
    return next((name for name, sign in known.items() if sign.search(text)), None)
