"""Provides the operating system user for PostgreSQL, which refuses to run as root."""

import os
import pwd
import shutil
import stat
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

NAME = "boom_postgres"

_ACL = "system.posix_acl_access"
_ACL_VERSION = struct.pack("<I", 2)
_ACL_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY_NAMED = 0xFFFFFFFF
_SEARCH = 1


class NoUserForPostgres(Exception):
    """We run as root, and the user for PostgreSQL can't be created."""


@dataclass(frozen=True, slots=True)
class OsUser:
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Gives ``path`` to this user, and access through the folders above it."""
        os.chown(path, self.uid, self.gid)
        self.let_through(path)

    def let_through(self, path: Path) -> None:
        """Lets this user pass through the folders above ``path``, without listing them.

        An access control list names this user; on a file system without ACLs, the folders get
        the search bit for others (o+x), which lets nobody list them.
        """
        for folder in path.resolve().parents:
            status = folder.stat()
            if status.st_mode & stat.S_IXOTH or status.st_uid == self.uid:
                continue
            try:
                os.setxattr(folder, _ACL, _with_search(_access_list(folder), self.uid))
            except (OSError, AttributeError):
                folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)

    def let_read(self, tree: Path) -> None:
        """Lets all users read the installed programs in ``tree``, and this user reach them."""
        self.let_through(tree)
        for path in (tree, *tree.rglob("*")):
            mode = path.stat().st_mode
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if wanted != mode:
                path.chmod(stat.S_IMODE(wanted))


def user_for_postgres() -> OsUser | None:
    """Returns the user that runs PostgreSQL; None if it is the current user.

    For root, a dedicated user is created at the first call. Raises NoUserForPostgres.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        _make_user()
        entry = pwd.getpwnam(NAME)
    return OsUser(entry.pw_uid, entry.pw_gid)


def _make_user() -> None:
    command = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    reason = "useradd is not installed"
    if command:
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        made = subprocess.run(
            [command, *options, "--shell", "/usr/sbin/nologin", NAME],
            capture_output=True,
            text=True,
        )
        if made.returncode == 0:
            return
        reason = made.stderr.strip()
    raise NoUserForPostgres(
        f"PostgreSQL does not run as root, and the user {NAME} can't be made ({reason}). "
        "Start as an ordinary user, or set DATABASE_URL to a server of your own."
    )


def _access_list(folder: Path) -> dict[tuple[int, int], int]:
    try:
        stored = os.getxattr(folder, _ACL)
    except OSError:
        mode = folder.stat().st_mode
        return {
            (_OWNER, _NOBODY_NAMED): mode >> 6 & 7,
            (_GROUP, _NOBODY_NAMED): mode >> 3 & 7,
            (_OTHER, _NOBODY_NAMED): mode & 7,
        }
    entries = _ACL_ENTRY.iter_unpack(stored[len(_ACL_VERSION) :])
    return {(tag, who): rights for tag, rights, who in entries}


def _with_search(entries: dict[tuple[int, int], int], uid: int) -> bytes:
    mask = entries.get((_MASK, _NOBODY_NAMED), entries[_GROUP, _NOBODY_NAMED])
    wanted = {**entries, (_USER, uid): _SEARCH, (_MASK, _NOBODY_NAMED): mask | _SEARCH}
    packed = (_ACL_ENTRY.pack(tag, rights, who) for (tag, who), rights in sorted(wanted.items()))
    return _ACL_VERSION + b"".join(packed)
