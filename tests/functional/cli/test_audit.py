"""`make audit` fails for a vulnerable package, and says so where it could not check."""

import subprocess
from pathlib import Path

from tests.services.tables import check_all

CHECKED = "No known vulnerabilities found"
FOUND = "Found 1 known vulnerability in 1 package\nName  Version ID\nflask 0.1 PYSEC-1"
UNREACHABLE = "Traceback\nrequests.exceptions.ConnectionError: api.osv.dev"


def test_an_unread_list_is_not_a_success(tmp_path: Path) -> None:
    def check(says: str, status: int, succeeds: bool, expected: str) -> None:
        (tmp_path / "pip-audit").write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\nexit {status}\n", encoding="utf-8")
        (tmp_path / "pip-audit").chmod(0o700)
        command = ["make", "--no-print-directory", "-o", ".venv/.dev", "audit", f"BIN={tmp_path}"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode == 0, expected in ended.stdout) == (succeeds, True), ended.stdout

    check_all(
        [
            (CHECKED, 0, True, f"requirements/dev.txt:\n{CHECKED}"),
            (FOUND, 1, False, "flask 0.1 PYSEC-1"),
            (UNREACHABLE, 1, False, "requirements/run.txt was NOT checked, because the list could not be read:\nrequests.exceptions"),
            ("", 0, False, "NOT checked"),
        ],
        check,
    )
