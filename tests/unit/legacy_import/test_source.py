"""Opening an older installation's database."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.legacy_import import source
from request_tracker_utils.legacy_import.source import opened
from tests.services.legacy import DOCUMENTED, IN_THE_FIELD, OlderFile


def rows(path: Path, table: str) -> list[source.Row]:
    with opened(path) as older:
        return [row for chunk in older.chunks(older.tables[table]) for row in chunk]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="There is no file"), opened(tmp_path / "none.sqlite"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="There is no file"), opened(tmp_path):
        pass


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(Invalid, match="is empty"), opened(tmp_path / "empty.sqlite"):
        pass


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are notes" * 500)
    with pytest.raises(Invalid, match="cannot be read as an SQLite database"), opened(tmp_path / "notes.txt"):
        pass


def test_a_database_that_breaks_off_is_told(tmp_path: Path) -> None:
    file = OlderFile(tmp_path / "old.sqlite", DOCUMENTED)
    with closing(sqlite3.connect(file.path)) as connection, connection:
        values = [(str(number), "Grace" * 20, "Hopper" * 20) for number in range(2_000)]
        connection.executemany("INSERT INTO students (student_id, first_name, last_name) VALUES (?, ?, ?)", values)
    file.path.write_bytes(file.path.read_bytes()[: file.path.stat().st_size // 2])
    with pytest.raises(Invalid, match="cannot be read as an SQLite database"):
        rows(file.path, "students")


def test_a_database_of_this_program_is_refused(tmp_path: Path) -> None:
    file = OlderFile(tmp_path / "new.sqlite", DOCUMENTED + "CREATE TABLE alembic_version (version_num TEXT);")
    with pytest.raises(Invalid, match="is a database of this program"), opened(file.path):
        pass


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    file = OlderFile(tmp_path / "other.sqlite", "CREATE TABLE songs (title TEXT);")
    with pytest.raises(Invalid, match="holds none of the tables students, device_info, device_logs"), opened(file.path):
        pass


def test_a_locked_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LOCKED_SECONDS", 0.1)
    file = OlderFile(tmp_path / "old.sqlite", DOCUMENTED)
    with closing(sqlite3.connect(file.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Conflict, match=r"Another program keeps .* locked\. End the older"), opened(file.path):
            pass


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_it_is_only_read_whatever_its_journal(tmp_path: Path, mode: str) -> None:
    file = OlderFile(tmp_path / "old.sqlite", f"PRAGMA journal_mode={mode};" + DOCUMENTED)
    file.student()
    before = hashlib.sha256(file.path.read_bytes()).hexdigest()
    assert [row.values["first_name"] for row in rows(file.path, "students")] == ["Grace"]
    assert hashlib.sha256(file.path.read_bytes()).hexdigest() == before


def test_what_stands_in_the_log_of_a_running_installation_is_read(tmp_path: Path) -> None:
    file = OlderFile(tmp_path / "old.sqlite", "PRAGMA journal_mode=WAL;" + DOCUMENTED)
    with closing(sqlite3.connect(file.path)) as running:
        running.execute("INSERT INTO students (student_id, first_name, last_name) VALUES ('1', 'Ada', 'Lovelace')")
        running.commit()
        assert (tmp_path / "old.sqlite-wal").stat().st_size
        assert [row.text("first_name") for row in rows(file.path, "students")] == ["Ada"]


def test_each_table_is_known_by_its_columns(tmp_path: Path) -> None:
    for name, schema, expected in (("a", DOCUMENTED, True), ("b", IN_THE_FIELD, False)):
        with opened(OlderFile(tmp_path / name, schema).path) as older:
            assert {table.is_documented for table in older.tables.values()} == {expected}


def test_rows_are_known_by_their_number_and_columns_by_small_letters(tmp_path: Path) -> None:
    schema = "CREATE TABLE Students (ID TEXT PRIMARY KEY, First_Name, Last_Name) WITHOUT ROWID; CREATE TABLE DEVICE_LOGS (Asset_Tag);"
    file = OlderFile(tmp_path / "old.sqlite", schema)
    file.add("Students", {"ID": "b7", "First_Name": "Ada", "Last_Name": b"Love\xfflace"})
    file.log("W1")
    file.log("W2")
    (student,) = rows(file.path, "students")
    assert (student.id, student.text("first_name"), student.text("last_name")) == ("b7", "Ada", "Love\ufffdlace")
    assert [row.id for row in rows(file.path, "device_logs")] == ["1", "2"]


def test_a_table_without_row_numbers_is_counted_through_all_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "CHUNK", 2)
    file = OlderFile(tmp_path / "old.sqlite", "CREATE TABLE students (student_id TEXT PRIMARY KEY, first_name, last_name) WITHOUT ROWID")
    for number in range(5):
        file.add("students", {"student_id": str(number)})
    assert [row.id for row in rows(file.path, "students")] == ["1", "2", "3", "4", "5"]
