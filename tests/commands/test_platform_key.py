"""A key of the platform, made on the command line."""

import re

import pytest

from commands.platform_key import main
from kit.security.tokens import PlatformKey
from kit.settings import Settings


def test_the_printed_hash_is_a_setting_and_that_of_the_printed_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status = main([])

    printed = capsys.readouterr().out
    (key,) = re.findall(r"boom_platform_[\w-]+", printed)
    (given,) = re.findall(r"^BOOM_PLATFORM_KEYS=(.*)$", printed, re.MULTILINE)
    monkeypatch.setenv("BOOM_PLATFORM_KEYS", f"{'0' * 64}, {given}")
    parsed = PlatformKey.parse(key)
    assert status == 0
    assert parsed is not None
    assert parsed.hash.hex() == Settings(_env_file=None).platform_keys[1]
