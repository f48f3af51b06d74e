"""The installation by uv, or else by pip: from pip's index, and only what is locked."""

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from commands import install
from commands.install import UvUnusable, uv_environment

UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True, slots=True)
class Clone:
    """A folder with this command, and an index with one small package to install."""

    folder: Path

    @property
    def environment(self) -> Path:
        return self.folder / ".venv"

    def lock(self, *, digest: str | None = None) -> Path:
        """Locks the package, by its own hash or by another one."""
        wheel = self.folder / "simple" / "seedling" / "seedling-1.0-py3-none-any.whl"
        lock = self.folder / "some.lock"
        right = sha256(wheel.read_bytes()).hexdigest()
        lock.write_text(f"seedling==1.0 \\\n    --hash=sha256:{digest or right}\n")
        return lock

    def install(self, lock: Path) -> "subprocess.CompletedProcess[str]":
        process = self.start(lock)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, lock: Path) -> "subprocess.Popen[str]":
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
        own = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": (self.folder / "simple").as_uri(),
            "PIP_NO_CACHE_DIR": "1",
            "UV_NO_CONFIG": "1",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "commands.install", lock],
            cwd=self.folder,
            env=clean | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def has_package(self) -> bool:
        python = self.environment / "bin" / "python"
        command = (python, "-c", "import seedling")
        return (
            python.exists() and subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    (tmp_path / "commands").mkdir()
    shutil.copy(install.__file__, tmp_path / "commands" / "install.py")
    shutil.copy(install.UV_LOCK, tmp_path)
    page = tmp_path / "simple" / "seedling"
    page.mkdir(parents=True)
    name = "seedling-1.0-py3-none-any.whl"
    with zipfile.ZipFile(page / name, "w") as wheel:
        info = "seedling-1.0.dist-info"
        wheel.writestr("seedling.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: seedling\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"seedling.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
    (page / "index.html").write_text(f'<!DOCTYPE html><a href="{name}">{name}</a>')
    return Clone(tmp_path)


@pytest.fixture
def clone_with_uv(clone: Clone) -> Clone:
    """The same, with the uv that its index doesn't have."""
    if not UV.exists():
        pytest.skip("uv doesn't run on this platform")
    command = (sys.executable, "-m", "venv", "--without-pip", clone.environment)
    subprocess.run(command, check=True)
    (clone.environment / "bin" / "uv").symlink_to(UV)
    return clone


# ------------------------------------------------------------------------------ pip's configuration


def test_the_indexes_of_pip_are_those_of_uv() -> None:
    listed = "\n".join(
        [
            "global.cert='/etc/company.pem'",
            r"global.extra-index-url='\nhttps://a.example/simple\nfile:///b'",
            "global.find-links='wheels https://c.example/wheels'",
            "global.index-url='https://user:it\\'s=a@mirror.example/simple'",
            "global.trusted-host='mirror.example a.example:8080'",
        ]
    )

    assert uv_environment(listed, {}) == {
        "SSL_CERT_FILE": "/etc/company.pem",
        "UV_DEFAULT_INDEX": "https://user:it's=a@mirror.example/simple",
        "UV_FIND_LINKS": "wheels,https://c.example/wheels",
        "UV_INDEX": "https://a.example/simple file:///b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INSECURE_HOST": "mirror.example a.example:8080",
    }


def test_the_environment_wins_over_files_and_the_command_over_all_commands() -> None:
    listed = "\n".join(
        [
            ":env:.index-url='https://environment.example'",
            "download.timeout='1'",
            "global.index-url='https://global.example'",
            "global.timeout='2'",
            "install.index-url='https://install.example'",
            "install.timeout='3'",
        ]
    )

    handed = uv_environment(listed, {})

    assert handed["UV_DEFAULT_INDEX"] == "https://environment.example"
    assert handed["UV_HTTP_TIMEOUT"] == "3"


def test_what_uv_is_told_itself_stays_as_it_is() -> None:
    handed = uv_environment(
        "global.index-url='https://pip.example'",
        {"PATH": "/bin", "UV_DEFAULT_INDEX": "https://uv.example"},
    )

    assert handed["UV_DEFAULT_INDEX"] == "https://uv.example"
    assert handed["PATH"] == "/bin"


def test_certificates_that_pip_takes_from_the_environment_are_handed_over() -> None:
    handed = uv_environment("", {"REQUESTS_CA_BUNDLE": "/etc/company.pem"})

    assert handed["SSL_CERT_FILE"] == "/etc/company.pem"


def test_settings_that_change_nothing_for_a_lock_are_left_out() -> None:
    handed = uv_environment("global.constraint='some.txt'\n:env:.quiet='1'\n:env:.target=''", {})

    assert handed == {"UV_INDEX_STRATEGY": "unsafe-best-match"}


@pytest.mark.parametrize("option", ["no-index", "no-binary", "target", "use-feature"])
def test_a_setting_that_uv_does_not_have_leaves_the_work_to_pip(option: str) -> None:
    with pytest.raises(UvUnusable, match=f"configured with {option}"):
        uv_environment(f":env:.{option}='1'", {})


# ------------------------------------------------------------------------------ installing


def test_uv_installs_from_the_index_that_pip_is_told(clone_with_uv: Clone) -> None:
    own = clone_with_uv.folder / "commands" / "__init__.py"
    own.touch()

    done = clone_with_uv.install(clone_with_uv.lock())

    assert done.returncode == 0, done.stderr
    assert "pip" not in done.stdout
    assert clone_with_uv.has_package
    # The product's own modules are compiled meanwhile.
    assert Path(cache_from_source(own)).exists()


def test_a_file_with_another_hash_is_installed_by_neither(clone_with_uv: Clone) -> None:
    done = clone_with_uv.install(clone_with_uv.lock(digest="0" * 64))

    assert done.returncode == 1
    assert "Installing with pip, which takes longer: uv has failed." in done.stdout
    assert not clone_with_uv.has_package


def test_an_interrupted_install_is_made_anew_and_by_pip_where_there_is_no_uv(clone: Clone) -> None:
    left = clone.environment / "bin" / "half-written"
    left.parent.mkdir(parents=True)
    left.touch()
    (clone.environment / "unfinished").touch()

    done = clone.install(clone.lock())

    assert done.returncode == 0, done.stderr
    assert "Installing with pip, which takes longer: uv can't be fetched" in done.stdout
    assert clone.has_package
    assert not left.exists()
    assert not (clone.environment / "unfinished").exists()


@pytest.mark.soak
def test_two_at_once_take_turns(clone: Clone) -> None:
    lock = clone.lock()

    both = [clone.start(lock), clone.start(lock)]
    outputs = [process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("Waiting for another installation" in out for out, _ in outputs) == 1
    assert clone.has_package


def test_an_environment_of_an_older_python_is_made_anew(clone: Clone) -> None:
    older = clone.environment / "bin" / "python"
    older.parent.mkdir(parents=True)
    version = "import sys; sys.version_info = (3, 10, 12); "
    # It runs what it is told, as Python 3.10 would.
    older.write_text(f"#!/bin/sh\nexec {sys.executable} -c \"{version}exec('$2')\"\n")
    older.chmod(0o755)

    done = clone.install(clone.lock())

    assert done.returncode == 0, done.stderr
    assert older.is_symlink()
    assert clone.has_package


@pytest.mark.parametrize("is_removed", [True, False], ids=["removed", "upgraded"])
def test_an_environment_whose_python_was_replaced_is_made_anew(
    clone: Clone, *, is_removed: bool
) -> None:
    command = (sys.executable, "-m", "venv", "--without-pip", clone.environment)
    subprocess.run(command, check=True)
    if is_removed:
        python = clone.environment / "bin" / "python"
        python.unlink()
        python.symlink_to(clone.folder / "python-of-yesterday")
    else:
        # As after an upgrade from 3.10: the packages are where this Python doesn't look.
        (clone.environment / "lib" / f"python3.{sys.version_info.minor}").rename(
            clone.environment / "lib" / "python3.10"
        )

    done = clone.install(clone.lock())

    assert done.returncode == 0, done.stderr
    assert clone.has_package
    assert not (clone.environment / "lib" / "python3.10").exists()


@pytest.mark.parametrize(
    ("python", "is_installed_again"), [("exit 0", False), ("exit 1", True), (None, True)]
)
def test_make_installs_again_if_the_python_no_longer_finds_its_packages(
    tmp_path: Path, python: str | None, *, is_installed_again: bool
) -> None:
    shutil.copy(install.ROOT / "Makefile", tmp_path)
    for lock in ("requirements-uv.lock", "requirements.lock"):
        (tmp_path / lock).touch()
    bin = tmp_path / ".venv" / "bin"
    bin.mkdir(parents=True)
    if python is not None:
        (bin / "python").write_text(f"#!/bin/sh\n{python}\n")
        (bin / "python").chmod(0o755)
    (tmp_path / ".venv" / "installed").touch()

    command = ("make", "--dry-run", ".venv/installed")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert ("commands.install requirements.lock" in done.stdout) is is_installed_again


def test_an_environment_that_can_not_be_written_is_told_in_one_line(clone: Clone) -> None:
    command = (sys.executable, "-m", "venv", "--without-pip", clone.environment)
    subprocess.run(command, check=True)
    # Whoever runs the tests: root may write into any folder, but not into one that isn't there.
    (clone.environment / "unfinished").symlink_to(clone.folder / "nowhere" / "unfinished")

    done = clone.install(clone.lock())

    assert done.returncode == 1
    assert done.stderr.startswith(f"Can't install into {clone.environment}: ")
    assert len(done.stderr.splitlines()) == 1
