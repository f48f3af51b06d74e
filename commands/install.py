"""Installs locked packages into .venv: `python -m commands.install requirements.lock`.

It uses only Python's standard library, because nothing else is installed yet. pip fetches uv, which
installs the packages; if uv can't be fetched or fails, pip installs them. Both accept only files
whose hashes are in the lock file.
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
"""A file that exists during an installation, and after an interrupted one."""

# An existing .venv may have an older Python than the Makefile asks for, or another one than its
# packages were installed for: its python is a link, which an upgrade of the system changes.
_IS_USABLE: Final = """
import os, sys, sysconfig
is_new_enough = sys.version_info >= (3, 11)
sys.exit(not (is_new_enough and os.path.isdir(sysconfig.get_path("purelib"))))
"""
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
        "constraint",  # the lock file pins every version
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
    """uv can't be used; the message is the reason."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 once all packages are installed, and 1 if they can't be."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.install", description="Install locked packages into .venv."
    )
    parser.add_argument(
        "locks",
        type=Path,
        nargs="*",
        default=[ROOT / "requirements.lock"],
        help="lock files; requirements.lock by default",
    )
    locks = parser.parse_args(arguments).locks
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        hint = "On Debian or Ubuntu: apt-get install python3-venv"
        print(f"{sys.executable} has no venv module. {hint}", file=sys.stderr)
        return 1
    try:
        with _alone():
            _install(locks)
    except subprocess.CalledProcessError:
        # The failed command has printed the reason.
        return 1
    except OSError as error:
        print(f"Can't install into {ENVIRONMENT}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def uv_environment(pip_settings: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Translates the output of `pip config list` into environment variables for uv.

    uv doesn't read pip's configuration, so it would use another index than the configured one. uv's
    own variables in ``environ`` take precedence. Raises UvUnusable for a setting of pip that uv
    doesn't have.
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in pip_settings.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in sections:
            sections[section][option] = ast.literal_eval(value).strip()

    # pip looks for a package in all of its indexes, uv only in the first one that has the name. uv
    # calls pip's way unsafe, because indexes may have different packages of one name; here the
    # hashes allow only one.
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
    """Waits for another installation, whose .venv would be taken for an interrupted one."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another installation to end.", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _install(locks: Sequence[Path]) -> None:
    # To uv and pip, a package of an interrupted installation may look installed.
    if UNFINISHED.exists() or not _succeeds(PYTHON, "-c", _IS_USABLE, quiet=True):
        venv = (sys.executable, "-m", "venv", "--without-pip", "--clear")
        subprocess.run([*venv, ENVIRONMENT], check=True)
    UNFINISHED.touch()
    pip = _pip_from_outside()
    options = ["--require-hashes", *(part for lock in locks for part in ("-r", lock))]
    with _compiling():
        try:
            _install_by_uv(options, pip)
        except UvUnusable as error:
            print(f"Installing with pip, which takes longer: {error}.", flush=True)
            subprocess.run([*pip, "install", "--disable-pip-version-check", *options], check=True)
    UNFINISHED.unlink()


@contextmanager
def _compiling() -> Iterator[None]:
    """Compiles the product's own modules on another core, while packages are installed.

    What can't be compiled or stored here is compiled when it is imported.
    """
    modules = [ROOT / "app.py", *(each.parent for each in ROOT.glob("*/__init__.py"))]
    compiler = subprocess.Popen(
        [PYTHON, "-m", "compileall", "-q", *modules],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        compiler.wait()


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
    # No source packages: building uv takes a Rust compiler and many minutes.
    options = ("-qq", "--no-deps", "--only-binary", ":all:", "--require-hashes")
    return _succeeds(*pip, "install", *options, "-r", UV_LOCK) and _has_uv()


def _has_uv() -> bool:
    """Returns whether .venv has the locked version of uv, and it runs on this machine."""
    try:
        done = subprocess.run([UV, "--version"], capture_output=True, text=True)
    except OSError:
        return False
    version = "".join(done.stdout.split()[1:2])
    return done.returncode == 0 and UV_LOCK.read_text().startswith(f"uv=={version} ")


def _pip_from_outside() -> list[str | Path]:
    """Returns the command of a pip outside of .venv: installing it there takes 4 seconds."""
    if (own := importlib.util.find_spec("pip")) and own.origin:
        # `pip --python` would start pip twice: it runs this file.
        runner = Path(own.origin).with_name("__pip-runner__.py")
        if runner.exists():
            return [PYTHON, runner]
    ensurepip = importlib.util.find_spec("ensurepip")
    assert ensurepip and ensurepip.origin
    # Debian stores ensurepip's wheels in its own folder.
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
