"""Makes a key for the operator of the platform: `python -m commands.platform_key`.

The key reads figures of all venues together (`platformMetrics`), and nothing else. It is shown
once; the server only gets its hash.
"""

import argparse
import sys
from collections.abc import Sequence

from kit.security.tokens import PlatformKey


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0."""
    argparse.ArgumentParser(
        prog="python -m commands.platform_key",
        description="Make a key that reads the platform's figures; store nothing.",
    ).parse_args(arguments)
    key = PlatformKey.new()
    print(f"Send it as `Authorization: Bearer {key}`. It isn't shown again.")
    print("Set its hash for the servers, and restart them; separate several by commas:")
    print(f"BOOM_PLATFORM_KEYS={key.hash.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
