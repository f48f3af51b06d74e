"""Install locked packages into .venv: `python -m commands.install requirements.lock`.

It needs nothing but Python, since nothing else is there yet. uv installs, fetched by pip; where uv
can't be fetched or fails, pip installs. Both take only files whose hashes are in the lock.
"""

import argparse
import ast
import fcntl
import importlib.util
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
ENVIRONMENT: Final = ROOT / ".venv"
PYTHON: Final = ENVIRONMENT / "bin" / "python"
UV: Final = ENVIRONMENT / "bin" / "uv"
UV_LOCK: Final = ROOT / "requirements-uv.lock"
UNFINISHED: Final = ENVIRONMENT / "unfinished"
"""There while packages are being installed, and after that was interrupted."""

# As in the Makefile: somebody's own .venv may be of an older Python.
_IS_NEW_ENOUGH: Final = "import sys; sys.exit(sys.version_info < (3, 11))"
_UV_VARIABLES: Final = {
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "no-cache-dir": "UV_NO_CACHE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "trusted-host": "UV_INSECURE_HOST",
}
_UV_SEPARATORS: Final = {"extra-index-url": " ", "find-links": ",", "trusted-host": " "}
_WITHOUT_EFFECT_ON_UV: Final = frozenset(
    {
        "break-system-packages",
        "cache-dir",
        "compile",
        "config-file",
        "constraint",  # the lock pins every version: a constraint could only refuse one
        "disable-pip-version-check",
        "no-color",
        "no-compile",
        "no-input",
        "no-warn-script-location",
        "progress-bar",
        "quiet",
        "require-virtualenv",
        "retries",
        "root-user-action",
        "verbose",
    }
)


class UvUnusable(Exception):
    """uv can't install here; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 once all packages are installed, and 1 if they can't be."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.install", description="Install locked packages into .venv."
    )
    parser.add_argument("locks", type=Path, nargs="*", default=[ROOT / "requirements.lock"])
    locks = parser.parse_args(arguments).locks
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        hint = "On Debian or Ubuntu: apt-get install python3-venv"
        print(f"{sys.executable} comes without venv. {hint}", file=sys.stderr)
        return 1
    try:
        with _alone():
            _install(locks)
    except subprocess.CalledProcessError:
        # The command that failed has said why.
        return 1
    except OSError as error:
        print(f"Can't install into {ENVIRONMENT}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def uv_environment(pip_settings: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Translates the output of `pip config list` into environment variables for uv.

    uv doesn't read pip's configuration, and would ask another index than the one that somebody has
    chosen. Variables of uv's own that are in ``environ`` win. Raises UvUnusable for a setting of
    pip's that uv doesn't have.
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in pip_settings.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in sections:
            sections[section][option] = ast.literal_eval(value).strip()

    # pip takes a package from any of its indexes; uv asks only the first that knows its name. It
    # calls that unsafe, because of packages of the same name; the hashes leave no choice of those.
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    if bundle := environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE"):
        variables["SSL_CERT_FILE"] = bundle
    for option, value in (sections["global"] | sections["install"] | sections[":env:"]).items():
        if option in _WITHOUT_EFFECT_ON_UV or not value:
            continue
        if option not in _UV_VARIABLES:
            raise UvUnusable(f"pip is configured with {option}, which uv doesn't have")
        separator = _UV_SEPARATORS.get(option)
        variables[_UV_VARIABLES[option]] = separator.join(value.split()) if separator else value
    return {**variables, **environ}


@contextmanager
def _alone() -> Iterator[None]:
    """Waits for another install here, whose environment would be taken for an interrupted one."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another process that installs here.", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _install(locks: Sequence[Path]) -> None:
    # What an interrupted install has left may look installed, to uv as to pip.
    if UNFINISHED.exists() or not _succeeds(PYTHON, "-c", _IS_NEW_ENOUGH, quiet=True):
        venv = (sys.executable, "-m", "venv", "--without-pip", "--clear")
        subprocess.run([*venv, ENVIRONMENT], check=True)
    UNFINISHED.touch()
    pip = _pip_from_outside()
    options = ["--require-hashes", *(part for lock in locks for part in ("-r", lock))]
    try:
        _install_by_uv(options, pip)
    except UvUnusable as error:
        print(f"Installing with pip, which takes longer: {error}.", flush=True)
        subprocess.run([*pip, "install", "--disable-pip-version-check", *options], check=True)
    UNFINISHED.unlink()


def _install_by_uv(options: Sequence[str | Path], pip: Sequence[str | Path]) -> None:
    listing = subprocess.Popen([*pip, "config", "list"], stdout=subprocess.PIPE, text=True)
    is_there = _has_uv() or _fetch_uv(pip)
    pip_settings, _ = listing.communicate()
    if not is_there:
        raise UvUnusable("uv can't be fetched, or doesn't run here")
    if listing.returncode:
        raise UvUnusable("pip's configuration can't be read")
    environment = uv_environment(pip_settings, os.environ)
    command = (UV, "pip", "install", "--python", PYTHON, *options)
    if subprocess.run(command, env=environment).returncode:
        raise UvUnusable("uv has failed")


def _fetch_uv(pip: Sequence[str | Path]) -> bool:
    # Where there is only its source, building uv would take a Rust compiler and many minutes.
    options = ("-qq", "--no-deps", "--only-binary", ":all:", "--require-hashes")
    return _succeeds(*pip, "install", *options, "-r", UV_LOCK) and _has_uv()


def _has_uv() -> bool:
    """Whether .venv has the uv of its lock file, and it runs here."""
    try:
        done = subprocess.run([UV, "--version"], capture_output=True, text=True)
    except OSError:
        return False
    version = "".join(done.stdout.split()[1:2])
    return done.returncode == 0 and UV_LOCK.read_text().startswith(f"uv=={version} ")


def _pip_from_outside() -> list[str | Path]:
    """The command of a pip that works on .venv but isn't in it: putting it there takes 4 s."""
    if (own := importlib.util.find_spec("pip")) and own.origin:
        # What `pip --python` starts, without starting pip twice.
        runner = Path(own.origin).with_name("__pip-runner__.py")
        if runner.exists():
            return [PYTHON, runner]
    ensurepip = importlib.util.find_spec("ensurepip")
    assert ensurepip and ensurepip.origin
    # Debian keeps ensurepip's wheels in a folder of its own.
    folder = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(ensurepip.origin).parent / "_bundled"
    return [PYTHON, next(Path(folder).glob("pip-*.whl")) / "pip"]


def _succeeds(*command: str | Path, quiet: bool = False) -> bool:
    output = subprocess.DEVNULL if quiet else None
    try:
        return subprocess.run(command, stdout=output, stderr=output).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
