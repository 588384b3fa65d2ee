"""A terminal at which `rtutils` is run, with nothing of this machine's settings."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from request_tracker_utils.cli import main

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Result]


class Terminal:
    """In the folder, whose `instance` holds the data unless settings say otherwise."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        self.environ = {**kept, "INSTANCE_PATH": str(folder / "instance"), "LOG_LEVEL": "WARNING", **environ}

    def run(self, *arguments: object, typed: str | bytes = "", **environ: str) -> Result:
        """In this process: a new one takes seconds to load the program. An exception that the command does not handle is raised here."""
        line = [str(each) for each in arguments]
        with (
            mock.patch.dict(os.environ, {**self.environ, **environ}, clear=True),
            mock.patch.object(sys, "argv", ["rtutils", *line]),
            contextlib.chdir(self.folder),
        ):
            return CliRunner().invoke(main, line, input=typed, catch_exceptions=False)

    def start(self, *arguments: object, **environ: str) -> subprocess.Popen[str]:
        """In a process of its own."""
        command = [sys.executable, "-m", "request_tracker_utils.cli", *map(str, arguments)]
        settings = {**self.environ, "PYTHONPATH": str(ROOT), **environ}
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=settings,
            cwd=self.folder,
        )

    def ended(self, *arguments: object, **environ: str) -> tuple[int, str]:
        """The exit code of a process of its own, and what it wrote to standard error."""
        with self.start(*arguments, **environ) as process:
            _, told = process.communicate(timeout=60)
        return process.returncode, told


@pytest.fixture
def run(app: Flask, tmp_path: Path, database_url: str) -> Run:
    """`rtutils` with these arguments, on the database of `app`."""
    return Terminal(tmp_path, INSTANCE_PATH=str(tmp_path), DATABASE_URL=database_url).run
