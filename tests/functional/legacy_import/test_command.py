"""`rtutils import-legacy`, as a person at a terminal runs it."""

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
from tests.services.legacy import DOCUMENTED, OlderFile, everything, only
from tests.services.school import School
from tests.services.terminal import Terminal


@pytest.fixture
def terminal(app: Flask, database_url: str, tmp_path: Path) -> Terminal:
    """With the database of the app."""
    return Terminal(tmp_path, DATABASE_URL=database_url)


def fill(file: OlderFile) -> None:
    file.student("1001")
    file.student("1002", "Ada", "Lovelace", grade=14)
    file.student("10/3")
    file.device("W12-0041", status="checked_out", current_student_id="1001")
    file.log("W12-0041", student_id="1001", action="check_in", timestamp="2025-08-20 08:00:00", notes="=1+1")


def test_it_says_what_was_taken_and_what_not(terminal: Terminal, documented: OlderFile, app: Flask) -> None:
    fill(documented)
    first, second = terminal.run("import-legacy", documented.path), terminal.run("import-legacy", documented.path)
    assert (first.exit_code, second.exit_code) == (1, 1), "a row was not taken"
    assert first.stdout.splitlines() == [
        "Tags: 0 taken over from the directory and the older log; the sequence goes on from W12-0001.",
        "table        taken  there already  in part  not taken",
        "students         1              0        1          1",
        "device_info      1              0        0          0",
        "device_logs      1              0        0          0",
    ]
    assert second.stdout.splitlines()[2:] == [
        "students         0              2        0          1",
        "device_info      0              1        0          0",
        "device_logs      0              1        0          0",
    ]
    told = [line for line in first.stderr.splitlines() if line.startswith(("students ", "device_")) and ": " in line]
    assert [line.split(" It was")[0] for line in told] == [
        "students 2: in part. 14 is not a grade. Enter PK, K, or a number from 1 to 13.",
        "students 3: not taken. The student number 10/3 contains a slash. Remove it.",
    ]
    assert only(app, Device).current_student_id == "1001"
    assert terminal.run("tags", "next").stdout == "W12-0042\n"


def test_it_ends_well_when_every_row_was_taken(terminal: Terminal, documented: OlderFile) -> None:
    documented.student()
    assert terminal.run("import-legacy", documented.path).exit_code == 0


def test_a_dry_run_says_the_same_and_writes_nothing(terminal: Terminal, documented: OlderFile, app: Flask) -> None:
    fill(documented)
    before = everything(app)
    sequence = documented.path.with_name("asset_tag_sequence.txt")
    sequence.write_text("900")
    dry = terminal.run("import-legacy", documented.path, "--dry-run")
    assert everything(app) == before
    real = terminal.run("import-legacy", documented.path)
    assert (dry.exit_code, real.exit_code) == (1, 1)
    assert dry.stdout.splitlines()[-1] == "Nothing was written: this was a dry run."
    assert dry.stdout.splitlines()[1:-1] == real.stdout.splitlines()[2:]


def test_the_report_is_a_file_for_spreadsheets(terminal: Terminal, documented: OlderFile, tmp_path: Path) -> None:
    fill(documented)
    documented.run("UPDATE students SET first_name = '=HYPERLINK()' || hex(randomblob(60)) WHERE student_id = '10/3'")
    terminal.run("import-legacy", documented.path, "--report", tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        head, *rows = list(csv.reader(stream))
    assert head == ["table", "row", "outcome", "reason"]
    assert [row[:3] for row in rows] == [["students", "2", "in part"], ["students", "3", "not taken"]]
    refused = terminal.run("import-legacy", documented.path, "--report", "/no/such/folder/report.csv")
    assert (refused.exit_code, "--report: /no/such/folder/report.csv cannot be written" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("content", "said"), [("", "is empty"), ("notes " * 1000, "cannot be read as an SQLite database"), (None, "There is no file")]
)
def test_what_is_no_older_database_is_told_without_a_traceback(terminal: Terminal, tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "file").write_text(content)
    result = terminal.run("import-legacy", tmp_path / "file")
    assert (result.exit_code, said in result.stderr, "Traceback" in result.stderr) == (1, True, False)


def test_times_without_a_zone_are_those_of_the_zone_that_is_named_or_set(terminal: Terminal, field: OlderFile, app: Flask) -> None:
    field.log("W12-0001", timestamp="2025-06-10T05:00:00")
    field.log("W12-0002", timestamp="2025-06-10T05:00:00")
    assert terminal.run("import-legacy", field.path, "--timezone", "Mars").exit_code == 2
    terminal.run("import-legacy", field.path, TIMEZONE="America/Chicago")
    assert only(app, DeviceLog, lambda each: each.asset_tag == "W12-0001").timestamp.hour == 10
    field.log("W12-0003", timestamp="2025-06-10T05:00:00")
    terminal.run("import-legacy", field.path, "--timezone", "Asia/Tokyo")
    assert only(app, DeviceLog, lambda each: each.asset_tag == "W12-0003").timestamp.hour == 20


def test_the_directory_is_told_only_when_that_is_wanted(terminal: Terminal, documented: OlderFile, app: Flask) -> None:
    fill(documented)
    terminal.run("import-legacy", documented.path, "--tell-directory")
    assert only(app, Device).rt_due_at is not None


def test_the_sequence_file_and_the_log_beside_it_are_taken_over(terminal: Terminal, documented: OlderFile, tmp_path: Path) -> None:
    documented.device("W12-0003")
    (tmp_path / "asset_tag_sequence.txt").write_text("W12-0042\n")
    (tmp_path / "asset_tag_confirmations.log").write_text("2025-10-08T12:00:00 - Asset Tag: W12-0050, Request Tracker ID: 123\n")
    first = terminal.run("import-legacy", documented.path)
    assert first.stdout.splitlines()[:2] == [
        f"{tmp_path / 'asset_tag_sequence.txt'}: the next tag there is W12-0042.",
        "Tags: 1 taken over from the directory and the older log; the sequence goes on from W12-0051.",
    ]
    (tmp_path / "other.txt").write_text("60")
    (tmp_path / "lower.txt").write_text("7")
    named = terminal.run("import-legacy", documented.path, "--sequence-file", tmp_path / "other.txt")
    assert "the sequence goes on from W12-0060" in named.stdout
    assert "W12-0060" in terminal.run("import-legacy", documented.path, "--sequence-file", tmp_path / "lower.txt").stdout, "never back"
    assert terminal.run("tags", "next").stdout == "W12-0060\n"
    wrong = terminal.run("import-legacy", documented.path, "--sequence-file", tmp_path / "none.txt")
    assert (wrong.exit_code, "none.txt cannot be read or holds no number" in wrong.stderr) == (1, True)


def test_nothing_is_taken_while_request_tracker_cannot_say_which_tags_it_holds(
    terminal: Terminal, documented: OlderFile, app: Flask
) -> None:
    fill(documented)
    settings = {"RT_URL": "http://127.0.0.1:9", "RT_TOKEN": "1-2-x"}
    assert terminal.run("db", "upgrade", **settings).exit_code == 0
    result = terminal.run("import-legacy", documented.path, **settings)
    assert (result.exit_code, "Traceback" in result.stderr) == (1, False), result.stderr
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(Student)) == 0


def test_a_command_that_was_killed_is_ended_by_the_next(terminal: Terminal, documented: OlderFile, school: School) -> None:
    with closing(sqlite3.connect(documented.path)) as older, older:
        numbers = range(1, 12_001)
        students = ((number, "Ada", "Lovelace") for number in numbers)
        older.executemany("INSERT INTO students (student_id, first_name, last_name) VALUES (?, ?, ?)", students)
        held = ((f"D{number}", number) for number in numbers)
        older.executemany("INSERT INTO device_info (asset_tag, status, current_student_id) VALUES (?, 'checked_out', ?)", held)
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


def test_the_older_file_under_the_usual_name_leads_to_the_import(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    (tmp_path / "instance").mkdir()
    file = OlderFile(tmp_path / "instance" / "database.sqlite", DOCUMENTED)
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


def test_the_older_file_may_be_moved_away_instead(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    (tmp_path / "instance").mkdir()
    OlderFile(tmp_path / "instance" / "database.sqlite", DOCUMENTED).student()
    refused = terminal.run("db", "upgrade")
    assert "or move this file away" in refused.stderr
    shutil.move(tmp_path / "instance" / "database.sqlite", tmp_path / "older.sqlite")
    assert terminal.run("db", "upgrade").exit_code == 0
    assert terminal.run("import-legacy", tmp_path / "older.sqlite").exit_code == 0
    ours = terminal.run("import-legacy", tmp_path / "instance" / "database.sqlite")
    assert (ours.exit_code, "is a database of this program" in ours.stderr) == (1, True)
