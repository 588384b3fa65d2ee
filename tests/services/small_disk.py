"""File systems of a few megabytes, which a test can fill, empty and break. They need root."""

import os
import shutil
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Kind = Literal["tmpfs", "ext4"]
MEGABYTE = 1024 * 1024
SIZE = 24 * MEGABYTE


class CannotMount(Exception):
    """This machine or user cannot mount file systems; the text says why."""


class SmallDisk:
    """A mounted file system. Closing unmounts it, even while processes use it."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind, self.folder = kind, folder / "mounted"
        self._image = folder / "image"
        self._freed = threading.Event()
        self._filler: threading.Thread | None = None
        self.folder.mkdir(parents=True)
        if os.geteuid() != 0:
            raise CannotMount("mounting a file system needs root")
        if kind == "ext4" and shutil.which("mkfs.ext4") is None:
            raise CannotMount("mkfs.ext4 is not installed")
        if kind == "tmpfs":
            _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(self.folder))
        else:
            with self._image.open("wb") as image:
                image.truncate(SIZE + 8 * MEGABYTE)
            _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
            _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._freed.set()
        if self._filler is not None:
            self._filler.join()
        _run("umount", "-l", str(self.folder))

    def fill(self) -> None:
        """Until not a byte more fits, and again whenever a file is deleted, until `free` is called."""
        self._fill(MEGABYTE, 4096, 1)
        os.sync()  # what ext4 has not allocated yet
        self._fill(4096)
        self._freed.clear()
        self._filler = threading.Thread(target=self._stay_full, daemon=True)
        self._filler.start()

    def free(self) -> None:
        self._freed.set()
        if self._filler is not None:
            self._filler.join()
        for ballast in self.folder.glob("ballast-*"):
            ballast.unlink()

    def _fill(self, *sizes: int) -> None:
        for size in sizes:
            with (self.folder / f"ballast-{size}").open("ab", buffering=0) as ballast, suppress(OSError):
                while True:
                    ballast.write(b"x" * size)

    def _stay_full(self) -> None:
        while not self._freed.wait(0.01):
            self._fill(4096, 1)

    def break_down(self) -> None:
        """Makes ext4 read-only, as the kernel does after an error of the device."""
        device = Path(_run("findmnt", "-n", "-o", "SOURCE", str(self.folder)).strip()).name
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotMount(f"{command[0]}: {getattr(error, 'stderr', '') or error}") from None
    return done.stdout
