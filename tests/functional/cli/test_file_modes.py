"""Only the owner can read what the program creates, whatever the umask, whichever command comes first, and in other WSGI servers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from request_tracker_utils.cli import main
from request_tracker_utils.legacy_import.cli import _write
from tests.functional.cli.test_commands import commands
from tests.services.server import CHECKOUT, RunningServer, environment
from tests.services.tables import check_all
from tests.services.terminal import Terminal

FOREIGN_SERVER = """
import os
os.umask(0)
import run
print(run.app.test_client().get("/sign-in").status_code, oct(os.umask(0)))
"""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(folder: Path) -> dict[str, str]:
    """Files and folders that others can access. The data folder may be readable for the group, as a whole but not its files."""
    modes = {path.relative_to(folder): path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    allowed = {path: 0o750 if (folder / path).is_dir() else 0o600 for path in modes}
    return {str(path): oct(mode) for path, mode in modes.items() if mode & ~allowed[path]}


def settings_in(folder: Path) -> dict[str, str]:
    return {"INSTANCE_PATH": str(folder / "above" / "instance"), "LOG_FILE": str(folder / "logs" / "program.log"), "LOG_LEVEL": "INFO"}


def test_whichever_command_comes_first_leaves_nothing_to_others(tmp_path: Path) -> None:
    everything = [path for path in commands(main) if path and path != ("serve",)]
    names = iter(range(1000))

    def check(mask: int, *command: str) -> None:
        folder = tmp_path / str(next(names))
        folder.mkdir(mode=0o700)
        with umask(mask):
            Terminal(folder, **settings_in(folder)).run(*command)
        assert open_to_others(folder) == {}

    check_all([(0, *command) for command in everything], check)
    created = tmp_path / "0" / "above"
    assert created.is_dir() or any(tmp_path.glob("*/above/instance/database.sqlite")), "no command created anything: the test shows nothing"
    check_all([(0o022, *command) for command in (("db", "upgrade"), ("demo",), ("users", "list"))], check)


def test_what_commands_do_afterwards_leaves_nothing_to_others(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("Student ID,First name,Last name,Grade\n1,Ada,Lovelace,5\n")
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    terminal = Terminal(folder, **settings_in(folder), LOG_FILE_MEGABYTES="1")

    def check(*command: str) -> None:
        with umask(0):
            done = terminal.run(*command)
        assert done.exit_code == 0, done.output
        assert open_to_others(folder) == {}

    check_all(
        [
            ("demo",),
            ("users", "create", "grace", "--role", "staff"),
            ("tokens", "create", "grace", "--label", "backup"),
            ("students", "import", str(roster)),
            ("jobs", "run", "confirm-tags"),
            ("tags", "audit"),
        ],
        check,
    )


def test_files_that_others_can_read_are_taken_from_them_once(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, **settings_in(tmp_path))
    assert terminal.run("db", "upgrade").exit_code == 0
    log = tmp_path / "logs" / "program.log"
    rotated = log.with_name("program.log.1")
    rotated.write_text("an earlier line\n")
    names = ("database.sqlite", "database.sqlite.migration.lock", "secret_key", "token_key")
    wide = [tmp_path / "above" / "instance" / name for name in names]
    other = tmp_path / "above" / "instance" / "notes.txt"
    other.write_text("of the administrator")
    for path in [*wide, log, rotated, other]:
        path.chmod(0o644)
    for _ in range(2):
        assert terminal.run("users", "list").exit_code == 0
    assert [path.stat().st_mode & 0o777 for path in [*wide, log, rotated]] == [0o600] * 6
    assert other.stat().st_mode & 0o777 == 0o644
    assert log.read_text().count("database.sqlite\n") + log.read_text().count("database.sqlite ") == 1
    assert log.read_text().count("now only its owner can") == 6


def test_the_server_leaves_nothing_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with umask(0), RunningServer(folder, instance_path=str(folder / "new" / "instance"), log_file=str(folder / "logs" / "a.log")) as server:
        assert server.log()
        assert open_to_others(folder / "new") == open_to_others(folder / "logs") == {}


def test_another_wsgi_server_keeps_its_umask_and_leaves_nothing_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    command = [sys.executable, "-c", FOREIGN_SERVER]
    done = subprocess.run(
        command, env=environment(settings_in(folder)), cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.split() == ["200", "0o0"], done.stderr[-2000:]
    assert open_to_others(folder) == {}


@pytest.mark.parametrize("exists", [False, True])
def test_a_report_that_names_students_is_its_owners_only(tmp_path: Path, exists: bool) -> None:
    report = tmp_path / "report.csv"
    if exists:
        report.write_text("of last time")
        report.chmod(0o644)
    with umask(0):
        _write(iter(["a,b\n"]), report)
    assert (report.read_text(), report.stat().st_mode & 0o777) == ("a,b\n", 0o600)
