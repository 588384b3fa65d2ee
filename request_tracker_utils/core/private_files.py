"""Files that only the owner may read, whatever the umask: the database, logs, keys, counters, locks and reports.

The program runs in WSGI servers of others too, whose umask is theirs, so files get their mode when they are created.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

FILE_MODE, FOLDER_MODE = 0o600, 0o750
_creating = Lock()


def open_private(path: str | Path, flags: int) -> int:
    """A descriptor of the file, which is created if it does not exist. Also works as `opener` of `open`."""
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)


def create_if_missing(path: str | Path) -> None:
    """Creates an empty file. An existing one is not opened: closing it would end SQLite's locks on it in this process."""
    if os.path.exists(path):
        return
    with _creating, suppress(OSError):  # another process was faster, or SQLite will say why it cannot be created
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))


def create_folder(path: Path, mode: int = FOLDER_MODE) -> None:
    """Creates the folder and those above it if they do not exist. `Path.mkdir` leaves the mode of those above to the umask."""
    if path.is_dir():
        return
    if not path.parent.exists():
        create_folder(path.parent, mode)
    path.mkdir(mode=mode, exist_ok=True)


def tighten(paths: Iterable[Path]) -> list[Path]:
    """Takes all permissions of others from those of these files that are ours. Returns the files that were changed."""
    return [path for path in paths if _tighten(path)]


def _tighten(path: Path) -> bool:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or not stat.S_IMODE(found.st_mode) & 0o077:
            return False
        path.chmod(stat.S_IMODE(found.st_mode) & 0o700)
    except OSError:
        return False  # another process has deleted it, or the file system is read-only
    return True


def beside(file: Path) -> Iterator[Path]:
    """The file and those whose names begin like its own: write-ahead logs, locks, rotated logs."""
    if file.parent.is_dir():
        yield from (each for each in file.parent.iterdir() if each.name.startswith(file.name))
