"""File systems of a few megabytes, which a test can fill, empty and break. They need root."""

import os
import shutil
import subprocess
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
        _run("umount", "-l", str(self.folder))

    def fill(self) -> None:
        """Until not a byte more fits."""
        for size in (MEGABYTE, 4096, 1):
            with (self.folder / f"ballast-{size}").open("ab", buffering=0) as ballast, suppress(OSError):
                while True:
                    ballast.write(b"x" * size)
        os.sync()  # what ext4 has not allocated yet
        with (self.folder / "ballast-4096").open("ab", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(b"x" * 4096)

    def free(self) -> None:
        for ballast in self.folder.glob("ballast-*"):
            ballast.unlink()

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
