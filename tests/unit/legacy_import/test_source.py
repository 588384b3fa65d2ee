"""Opening and reading a legacy installation's database."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.legacy_import import source
from request_tracker_utils.legacy_import.source import open_source
from tests.services.legacy import DOCUMENTED_FORM, FIELD_FORM, LegacyFile
from tests.services.tables import check_all


def rows(path: Path, table: str) -> list[source.Row]:
    with open_source(path) as opened:
        return [row for chunk in opened.chunks(opened.tables[table]) for row in chunk]


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite").touch()
    (tmp_path / "notes.txt").write_text("these are notes" * 500)
    LegacyFile(tmp_path / "new.sqlite", DOCUMENTED_FORM + "CREATE TABLE alembic_version (version_num TEXT);")
    LegacyFile(tmp_path / "other.sqlite", "CREATE TABLE songs (title TEXT);")

    def check(name: str, words: str) -> None:
        with pytest.raises(Invalid) as raised, open_source(tmp_path / name):
            pass
        assert words in raised.value.message, raised.value.message

    check_all(
        [
            ("none.sqlite", "does not exist"),
            ("", "does not exist"),
            ("empty.sqlite", "is empty"),
            ("notes.txt", "cannot be read as an SQLite database"),
            ("new.sqlite", "is a database of this program"),
            ("other.sqlite", "does not contain any of the tables students, device_info, device_logs"),
        ],
        check,
    )
    assert not (tmp_path / "none.sqlite").exists()


def test_a_truncated_database_is_refused(tmp_path: Path) -> None:
    file = LegacyFile(tmp_path / "old.sqlite", DOCUMENTED_FORM)
    with closing(sqlite3.connect(file.path)) as connection, connection:
        values = [(str(number), "Grace" * 20, "Hopper" * 20) for number in range(2_000)]
        connection.executemany("INSERT INTO students (student_id, first_name, last_name) VALUES (?, ?, ?)", values)
    file.path.write_bytes(file.path.read_bytes()[: file.path.stat().st_size // 2])
    with pytest.raises(Invalid, match="cannot be read as an SQLite database"):
        rows(file.path, "students")


def test_a_locked_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LOCK_TIMEOUT", 0.1)
    file = LegacyFile(tmp_path / "old.sqlite", DOCUMENTED_FORM)
    with closing(sqlite3.connect(file.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Conflict, match=r"Another program has locked .*\. Stop the legacy"), open_source(file.path):
            pass


def test_the_file_is_only_read_in_either_journal_mode(tmp_path: Path) -> None:
    def check(mode: str) -> None:
        file = LegacyFile(tmp_path / f"{mode}.sqlite", f"PRAGMA journal_mode={mode};" + DOCUMENTED_FORM)
        file.student()
        before = hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert [row.values["first_name"] for row in rows(file.path, "students")] == ["Grace"]
        assert hashlib.sha256(file.path.read_bytes()).hexdigest() == before

    check_all(["delete", "wal"], check)


def test_the_write_ahead_log_of_a_running_installation_is_read(tmp_path: Path) -> None:
    file = LegacyFile(tmp_path / "old.sqlite", "PRAGMA journal_mode=WAL;" + DOCUMENTED_FORM)
    with closing(sqlite3.connect(file.path)) as running:
        running.execute("INSERT INTO students (student_id, first_name, last_name) VALUES ('1', 'Ada', 'Lovelace')")
        running.commit()
        assert (tmp_path / "old.sqlite-wal").stat().st_size
        assert [row.text("first_name") for row in rows(file.path, "students")] == ["Ada"]


def test_the_form_of_each_table_is_recognized_by_its_columns(tmp_path: Path) -> None:
    for name, schema, is_documented in (("a", DOCUMENTED_FORM, True), ("b", FIELD_FORM, False)):
        with open_source(LegacyFile(tmp_path / name, schema).path) as opened:
            assert {table.is_documented for table in opened.tables.values()} == {is_documented}


def test_rows_have_an_id_and_columns_in_lower_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "CHUNK", 2)
    schema = "CREATE TABLE Students (ID TEXT PRIMARY KEY, First_Name, Last_Name) WITHOUT ROWID; CREATE TABLE DEVICE_LOGS (Asset_Tag);"
    file = LegacyFile(tmp_path / "old.sqlite", schema)
    file.add("Students", {"ID": "b7", "First_Name": "Ada", "Last_Name": b"Love\xfflace"})
    for number in range(3):
        file.log(f"W{number}")
    (student,) = rows(file.path, "students")
    assert (student.id, student.text("first_name"), student.text("last_name")) == ("b7", "Ada", "Love\ufffdlace")
    assert [row.id for row in rows(file.path, "device_logs")] == ["1", "2", "3"]
    other = LegacyFile(tmp_path / "b.sqlite", "CREATE TABLE students (student_id TEXT PRIMARY KEY, first_name) WITHOUT ROWID")
    for number in range(5):
        other.add("students", {"student_id": str(number)})
    assert [row.id for row in rows(other.path, "students")] == ["1", "2", "3", "4", "5"], "by position, across chunks"
