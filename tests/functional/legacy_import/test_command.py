"""`rtutils import-legacy` at a terminal."""

import csv
import hashlib
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from request_tracker_utils.core.db import reading
from request_tracker_utils.students.models import Device, DeviceLog, Student
from tests.services.legacy import DOCUMENTED_FORM, LegacyFile, only, written_tables
from tests.services.school import School
from tests.services.tables import check_all
from tests.services.terminal import Terminal


@pytest.fixture
def terminal(app: Flask, database_url: str, tmp_path: Path) -> Terminal:
    """With the database of the app."""
    return Terminal(tmp_path, DATABASE_URL=database_url)


def fill(file: LegacyFile) -> None:
    file.student("1001")
    file.student("1002", "Ada", "Lovelace", grade=14)
    file.student("10/3")
    file.device("W12-0041", status="checked_out", current_student_id="1001")
    file.log("W12-0041", student_id="1001", action="check_in", timestamp="2025-08-20 08:00:00", notes="=1+1")


def test_counts_and_reports_are_printed(terminal: Terminal, documented: LegacyFile, app: Flask) -> None:
    fill(documented)
    first, second = terminal.run("import-legacy", documented.path), terminal.run("import-legacy", documented.path)
    assert (first.exit_code, second.exit_code) == (1, 1), "a row was not imported"
    assert first.stdout.splitlines() == [
        "Tags: 0 imported from asset names and the legacy log. The sequence continues with W12-0001.",
        "table        imported  existing  imported with warnings  not imported",
        "students            1         0                       1             1",
        "device_info         1         0                       0             0",
        "device_logs         1         0                       0             0",
    ]
    assert second.stdout.splitlines()[2:] == [
        "students            0         2                       0             1",
        "device_info         0         1                       0             0",
        "device_logs         0         1                       0             0",
    ]
    reported = [line for line in first.stderr.splitlines() if line.startswith(("students ", "device_")) and ": " in line]
    with_warnings, not_imported = reported
    assert with_warnings.startswith("students 2: imported with warnings. ")
    assert not_imported.startswith("students 3: not imported. ")
    assert only(app, Device).current_student_id == "1001"
    assert terminal.run("tags", "next").stdout == "W12-0042\n"


def test_the_exit_code_is_0_when_every_row_was_imported(terminal: Terminal, documented: LegacyFile) -> None:
    documented.student()
    assert terminal.run("import-legacy", documented.path).exit_code == 0


def test_a_dry_run_prints_the_same_and_writes_nothing(terminal: Terminal, documented: LegacyFile, app: Flask) -> None:
    fill(documented)
    before = written_tables(app)
    sequence = documented.path.with_name("asset_tag_sequence.txt")
    sequence.write_text("900")
    dry = terminal.run("import-legacy", documented.path, "--dry-run")
    assert written_tables(app) == before
    real = terminal.run("import-legacy", documented.path)
    assert (dry.exit_code, real.exit_code) == (1, 1)
    assert dry.stdout.splitlines()[-1] == "Dry run: nothing was written."
    assert dry.stdout.splitlines()[1:-1] == real.stdout.splitlines()[2:]


def test_the_report_is_a_file_for_spreadsheets(terminal: Terminal, documented: LegacyFile, tmp_path: Path) -> None:
    fill(documented)
    documented.run("UPDATE students SET first_name = '=HYPERLINK()' || hex(randomblob(60)) WHERE student_id = '10/3'")
    terminal.run("import-legacy", documented.path, "--report", tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        head, *rows = list(csv.reader(stream))
    assert head == ["table", "row", "outcome", "reason"]
    assert [row[:3] for row in rows] == [["students", "2", "imported with warnings"], ["students", "3", "not imported"]]
    refused = terminal.run("import-legacy", documented.path, "--report", "/no/such/folder/report.csv")
    assert (refused.exit_code, "--report: /no/such/folder/report.csv cannot be written" in refused.stderr) == (1, True)


def test_other_files_are_refused_without_a_traceback(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "notes").write_text("notes " * 1000)

    def check(name: str, words: str) -> None:
        result = terminal.run("import-legacy", tmp_path / name)
        assert (result.exit_code, words in result.stderr, "Traceback" in result.stderr) == (1, True, False), result.stderr

    check_all([("empty", "is empty"), ("notes", "cannot be read as an SQLite database"), ("none", "does not exist")], check)


def test_times_without_a_zone_are_in_the_zone_of_the_option_or_the_setting(terminal: Terminal, field: LegacyFile, app: Flask) -> None:
    field.log("W12-0001", timestamp="2025-06-10T05:00:00")
    field.log("W12-0002", timestamp="2025-06-10T05:00:00")
    assert terminal.run("import-legacy", field.path, "--timezone", "Mars").exit_code == 2
    terminal.run("import-legacy", field.path, TIMEZONE="America/Chicago")
    assert only(app, DeviceLog, lambda each: each.asset_tag == "W12-0001").timestamp.hour == 10
    field.log("W12-0003", timestamp="2025-06-10T05:00:00")
    terminal.run("import-legacy", field.path, "--timezone", "Asia/Tokyo")
    assert only(app, DeviceLog, lambda each: each.asset_tag == "W12-0003").timestamp.hour == 20


def test_an_option_syncs_holders(terminal: Terminal, documented: LegacyFile, app: Flask) -> None:
    fill(documented)
    terminal.run("import-legacy", documented.path, "--tell-directory")
    assert only(app, Device).rt_due_at is not None


def test_the_sequence_file_and_the_log_in_its_folder_are_imported(terminal: Terminal, documented: LegacyFile, tmp_path: Path) -> None:
    documented.device("W12-0003")
    (tmp_path / "asset_tag_sequence.txt").write_text("W12-0042\n")
    (tmp_path / "asset_tag_confirmations.log").write_text("2025-10-08T12:00:00 - Asset Tag: W12-0050, Request Tracker ID: 123\n")
    first = terminal.run("import-legacy", documented.path)
    assert first.stdout.splitlines()[:2] == [
        f"{tmp_path / 'asset_tag_sequence.txt'}: the next tag is W12-0042.",
        "Tags: 1 imported from asset names and the legacy log. The sequence continues with W12-0051.",
    ]
    (tmp_path / "other.txt").write_text("60")
    (tmp_path / "lower.txt").write_text("7")
    named = terminal.run("import-legacy", documented.path, "--sequence-file", tmp_path / "other.txt")
    assert "The sequence continues with W12-0060" in named.stdout
    assert "W12-0060" in terminal.run("import-legacy", documented.path, "--sequence-file", tmp_path / "lower.txt").stdout, "never back"
    assert terminal.run("tags", "next").stdout == "W12-0060\n"
    wrong = terminal.run("import-legacy", documented.path, "--sequence-file", tmp_path / "none.txt")
    assert (wrong.exit_code, "none.txt cannot be read or does not contain a number" in wrong.stderr) == (1, True)


def test_nothing_is_imported_while_request_tracker_is_unavailable(terminal: Terminal, documented: LegacyFile, app: Flask) -> None:
    fill(documented)
    settings = {"RT_URL": "http://127.0.0.1:9", "RT_TOKEN": "1-2-x"}
    assert terminal.run("db", "upgrade", **settings).exit_code == 0
    result = terminal.run("import-legacy", documented.path, **settings)
    assert (result.exit_code, "Traceback" in result.stderr) == (1, False), result.stderr
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(Student)) == 0


def test_a_killed_command_is_completed_by_the_next(terminal: Terminal, documented: LegacyFile, school: School) -> None:
    with closing(sqlite3.connect(documented.path)) as older, older:
        numbers = range(1, 12_001)
        students = ((number, "Ada", "Lovelace") for number in numbers)
        older.executemany("INSERT INTO students (student_id, first_name, last_name) VALUES (?, ?, ?)", students)
        devices = ((f"D{number}", number) for number in numbers)
        older.executemany("INSERT INTO device_info (asset_tag, status, current_student_id) VALUES (?, 'checked_out', ?)", devices)
    process = terminal.start("import-legacy", documented.path)
    deadline = time.monotonic() + 60
    while not (count := _count(school, Student)) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 < count < 12_000, "it was killed in the middle"
    assert terminal.run("import-legacy", documented.path).exit_code == 0
    assert (_count(school, Student), _count(school, Device)) == (12_000, 12_000)
    assert school.miscounted() == []


def _count(school: School, model: type) -> int:
    with school.looking() as session:
        return int(session.scalar(select(func.count()).select_from(model)) or 0)


def test_an_older_file_at_the_usual_path_leads_to_the_import(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    (tmp_path / "instance").mkdir()
    file = LegacyFile(tmp_path / "instance" / "database.sqlite", DOCUMENTED_FORM)
    file.student()
    before = hashlib.sha256(file.path.read_bytes()).hexdigest()
    refused = terminal.run("import-legacy", file.path)
    assert refused.exit_code == 3
    assert "Set DATABASE_PATH to a new file" in refused.stderr
    assert f"rtutils import-legacy {file.path}" in refused.stderr
    elsewhere = {"DATABASE_PATH": str(tmp_path / "instance" / "new.sqlite")}
    assert terminal.run("db", "upgrade", **elsewhere).exit_code == 0
    done = terminal.run("import-legacy", file.path, **elsewhere)
    assert (done.exit_code, done.stdout.splitlines()[2].split()) == (0, ["students", "1", "0", "0", "0"]), done.stderr
    assert hashlib.sha256(file.path.read_bytes()).hexdigest() == before


def test_the_older_file_may_be_moved_instead(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    (tmp_path / "instance").mkdir()
    LegacyFile(tmp_path / "instance" / "database.sqlite", DOCUMENTED_FORM).student()
    refused = terminal.run("db", "upgrade")
    assert "or move this file." in refused.stderr
    shutil.move(tmp_path / "instance" / "database.sqlite", tmp_path / "older.sqlite")
    assert terminal.run("db", "upgrade").exit_code == 0
    assert terminal.run("import-legacy", tmp_path / "older.sqlite").exit_code == 0
    ours = terminal.run("import-legacy", tmp_path / "instance" / "database.sqlite")
    assert (ours.exit_code, "is a database of this program" in ours.stderr) == (1, True)
