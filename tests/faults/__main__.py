"""Plants one fault at a time into a copy of the program and runs the tests that must notice: `make faults`.

Coverage says which lines the tests run; this says whether they look. `faults.toml` lists the faults, each with the tests that catch
it. A fault that no test catches, or whose text is no longer in its file, fails the run.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("request_tracker_utils", "templates", "static", "migrations", "contrib", "tests", "pyproject.toml", "docs", "README.md")
WORKERS = 2
TIMEOUT = 300
"""Seconds for the tests of one fault; one that makes them hang is caught too."""


@dataclass(frozen=True)
class Fault:
    """`find`, which stands in `file` once, becomes `replace`; at least one of `tests` (arguments of pytest) must fail then."""

    name: str
    file: str
    find: str
    replace: str
    tests: list[str]


def load(file: Path) -> list[Fault]:
    return [Fault(name, **fields) for name, fields in tomllib.loads(file.read_text()).items()]


def plant(fault: Fault, folder: Path) -> None:
    """Raises ValueError when the text is not there exactly once."""
    file = folder / fault.file
    text = file.read_text() if file.exists() else ""
    if text.count(fault.find) != 1:
        raise ValueError(f"{fault.file} has the text {text.count(fault.find)} times")
    file.write_text(text.replace(fault.find, fault.replace))


def copy(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "screenshots"))
        elif source.exists():
            shutil.copy(source, folder / name)


def run(tests: list[str], folder: Path) -> tuple[bool, str]:
    """Whether the tests pass, and the last line that they print."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no end after {TIMEOUT} s"
    lines = [line for line in done.stdout.splitlines() if line.strip()] or [done.stderr.strip()[-200:]]
    return done.returncode == 0, lines[-1]


def check(fault: Fault) -> str | None:
    """What is wrong; None when a test catches the fault."""
    with tempfile.TemporaryDirectory(prefix="rtutils-fault-") as name:
        folder = Path(name)
        copy(folder)
        try:
            plant(fault, folder)
        except ValueError as error:
            return f"cannot be planted: {error}"
        passes, line = run(fault.tests, folder)
    print(f"{'MISSED' if passes else 'caught'}  {fault.name}: {line}", flush=True)
    return "no test caught it" if passes else None


def main(arguments: list[str]) -> int:
    file = Path(arguments[0]) if arguments else Path(__file__).with_name("faults.toml")
    faults = [fault for fault in load(file) if not arguments[1:] or fault.name in arguments[1:]]
    passes, line = run(sorted({test for fault in faults for test in fault.tests}), ROOT)
    if not passes:
        print(f"The tests fail without any fault: {line}")
        return 1
    with ThreadPoolExecutor(WORKERS) as pool:
        problems = {fault.name: problem for fault, problem in zip(faults, pool.map(check, faults), strict=True) if problem}
    for name, problem in problems.items():
        print(f"{name}: {problem}")
    print(f"{len(faults) - len(problems)} of {len(faults)} faults are caught.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
