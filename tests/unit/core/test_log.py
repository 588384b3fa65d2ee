"""The log file: several processes write to it, and put it aside when it is full."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from request_tracker_utils.core import log
from request_tracker_utils.core.settings import SettingsError, load_settings

LINES = 1_500
PADDING = 1_000
WRITER = f"""
import sys
import structlog
from request_tracker_utils.core import log
from request_tracker_utils.core.settings import load_settings

log.configure(load_settings())
sys.stdin.readline()
for number in range({LINES}):
    structlog.get_logger("writer").info("line", number=number, writer=sys.argv[1], padding="x" * {PADDING})
"""
FULL = f"""
import resource
import structlog
from request_tracker_utils.core import log
from request_tracker_utils.core.settings import load_settings

def write(first, last):
    for number in range(first, last):
        structlog.get_logger("writer").info("line", number=number, writer="a", padding="x" * {PADDING})

log.configure(load_settings())
resource.setrlimit(resource.RLIMIT_FSIZE, ({PADDING * 5}, resource.RLIM_INFINITY))
write(0, 10)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
write(10, 12)
"""
pytestmark = pytest.mark.usefixtures("logging_as_before")
LINE = re.compile(rf"timestamp=\S+ level=info logger=writer event=line number=(\d+) writer=(\w) padding=x{{{PADDING}}}")


def writers(file: Path, kept: int) -> list[subprocess.Popen[str]]:
    environ = {"LOG_FILE": str(file), "LOG_FILE_MEGABYTES": "1", "LOG_FILES_KEPT": str(kept), "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", WRITER]
    quiet = subprocess.DEVNULL
    return [subprocess.Popen([*command, name], env=environ, stdin=subprocess.PIPE, stderr=quiet, text=True) for name in "abc"]


def write_at_once(file: Path, *, kept: int) -> None:
    begun = writers(file, kept)
    for process in begun:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in begun:
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_three_processes_lose_and_tear_no_line_while_they_put_the_file_aside(tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    write_at_once(file, kept=6)  # enough for files that were full when they were put aside
    files = sorted(tmp_path.glob("program.log*"))
    assert len(files) >= 4
    # With handlers that know nothing of each other, each process puts aside what another has just begun.
    assert all(each.stat().st_size >= 1024 * 1024 for each in files if each != file)
    lines = [line for each in files for line in each.read_text().splitlines()]
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), next(line for line, match in zip(lines, found, strict=True) if not match)[:200]
    assert sorted(match.groups()[::-1] for match in found if match) == sorted((w, str(n)) for w in "abc" for n in range(LINES))


def test_a_line_that_did_not_fit_is_cut_off_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    environ = {"LOG_FILE": str(file), "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", FULL], env=environ, stderr=subprocess.PIPE, text=True, check=True, timeout=60)
    lines = file.read_text().splitlines()
    (lost,) = [line for line in lines if "lines lost" in line]
    missing = int(lost.rsplit("=", 1)[1])
    assert 5 <= missing <= 8
    numbers = [LINE.fullmatch(line) for line in lines if line != lost]
    assert [int(match.group(1)) for match in numbers if match] == [*range(10 - missing), 10, 11]
    assert all(numbers)
    assert done.stderr.count("LOG_FILE cannot be written") == 1


def test_log_files_are_rotated_by_size_and_number(tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    write_at_once(file, kept=2)
    assert sorted(each.name for each in tmp_path.glob("program.log*")) == ["program.log", "program.log.1", "program.log.2"]
    assert all(each.stat().st_size < 1.1 * 1024 * 1024 for each in tmp_path.glob("program.log*"))


def test_the_files_are_their_owners_only(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "program.log"
    log.configure(load_settings({"LOG_FILE": str(file)}))
    structlog.get_logger("test").warning("written")
    assert "written" in file.read_text()
    assert [stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()] == [0o600, 0o600]


def test_an_unwritable_log_file_is_reported_at_startup(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LOG_FILE"):
        log.configure(load_settings({"LOG_FILE": str(tmp_path)}))


def test_a_moved_log_file_is_recreated(tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    log.configure(load_settings({"LOG_FILE": str(file)}))
    structlog.get_logger("test").warning("before")
    file.rename(tmp_path / "moved.log")
    structlog.get_logger("test").warning("after")
    assert "after" in file.read_text()


def test_input_cannot_forge_log_lines(tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    log.configure(load_settings({"LOG_FILE": str(file)}))
    structlog.get_logger("test").warning("told", user="eve\nlevel=info event=request user=ada")
    assert len(file.read_text().splitlines()) == 1


def test_control_characters_are_escaped(tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    log.configure(load_settings({"LOG_FILE": str(file)}))
    structlog.get_logger("test").info("line", name="a\rb\x1b[2Jc\u2028d\ne é", quiet=None, number=3)
    assert 'name="a\\\\rb\\\\x1b[2Jc\\\\u2028d\\ne é" quiet= number=3' in file.read_text(encoding="utf-8").splitlines()[0]
