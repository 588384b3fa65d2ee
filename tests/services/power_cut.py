"""A disk that loses its power. It needs root."""

import filecmp
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTES = 96


class CannotMount(Exception):
    """This machine or user cannot mount file systems; the text says why."""


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """An ext4 file system in the file `image`, mounted on the folder that is returned."""
    if os.geteuid() != 0:
        raise CannotMount("mounting a file system needs root")
    if shutil.which("mkfs.ext4") is None:
        raise CannotMount("mkfs.ext4 is not installed")
    folder.mkdir(parents=True)
    with (folder / "image").open("wb") as image:
        image.truncate(MEGABYTES * 1024 * 1024)
    _run("mkfs.ext4", "-q", "-F", str(folder / "image"))
    with _mounted(folder / "image") as mounted:
        yield mounted


@contextmanager
def after_power_cut(folder: Path, copy: Path) -> Iterator[Path]:
    """What is left of the disk in `folder`, which stays mounted: a copy of what its file system has written to the image so far. What only
    its page cache has is lost. Its journal is applied, as when a machine starts again."""
    copy.mkdir(parents=True)
    while True:  # a copy that was made during a write would be a state that no disk was ever in
        shutil.copyfile(folder / "image", copy / "image")
        if filecmp.cmp(folder / "image", copy / "image", shallow=False):
            break
    with _mounted(copy / "image") as mounted:
        yield mounted


@contextmanager
def _mounted(image: Path) -> Iterator[Path]:
    mounted = image.parent / "mounted"
    mounted.mkdir()
    _run("mount", "-o", "loop", str(image), str(mounted))
    try:
        yield mounted
    finally:
        _run("umount", "-l", str(mounted))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotMount(f"{command[0]}: {getattr(error, 'stderr', '') or error}") from None
