"""Uploaded files: columns that are not mapped are never stored, rows only until their import, and all of it is its owner's."""

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select, text

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.settings import MIGRATIONS
from request_tracker_utils.imports import service
from request_tracker_utils.imports.models import ImportFile, ImportFilePart
from request_tracker_utils.imports.uploads import inspected
from request_tracker_utils.imports.waiting import Quota, waiting_size
from tests.services.apps import make_app, run_job, user
from tests.services.people import Person
from tests.services.rosters import STUDENTS
from tests.services.school import ADA, NOW, School
from tests.services.tables import check_all
from tests.services.terminal import Run
from tests.services.traces import traces, traces_in

SSN = "078-05-1120"
ROWS = f"1001,Grace,Hopper,9,{SSN},H1\n1002,Alan,Turing,10,{SSN},H2\nTotal,{SSN}\n"
LIST = ("Student ID,First Name,Last Name,Grade,Social,Homeroom\n" + ROWS).encode()
FILES = "/students/imports"


def send(person: Person, data: bytes = LIST, **fields: str) -> str:
    """Uploads a list of students. Returns the address that follows, or the page."""
    answer = person.submit("/students/import", file=(io.BytesIO(data), "sis.csv"), **fields)
    return answer.location or answer.text


def press(person: Person, app: Flask, page: str, action: str, **form: str) -> None:
    person.submit(f"{page}/{action}", **form)
    run_job(app, "run-tasks")


@pytest.mark.both_databases
def test_an_unmapped_column_is_never_stored(app: Flask, school: School, staff: Person) -> None:
    school.student("1001", grade="8")
    found = {}
    page = send(staff)
    found["upload"] = traces(app, SSN)
    assert "Not stored because they are not mapped: Social." in staff.read(page)
    columns = {"student_id": "0", "first_name": "1", "last_name": "2", "grade": "3"}
    press(staff, app, page, "preview", **columns)
    assert "The row in line 4" not in staff.read(page)
    assert "“Total” in line 4" in staff.read(page)
    found["preview"] = traces(app, SSN)
    press(staff, app, page, "import")
    assert school.student_now("1001").grade == "9"
    found["import"] = traces(app, SSN)
    press(staff, app, page, "imports/1/undo")
    assert school.student_now("1001").grade == "8"
    found["undo"] = traces(app, SSN)
    other = send(staff)
    staff.submit(f"{other}/delete")
    found["deletion"] = traces(app, SSN)
    chosen = send(staff, choose="on")
    assert SSN in chosen, "the page shows the first rows, and nothing stores them"
    found["choice"] = traces(app, SSN)
    send(staff, chosen="on", **columns)
    run_job(app, "run-tasks")
    found["chosen columns"] = traces(app, SSN)
    send(staff, ROWS.encode())
    found["no header"] = traces(app, SSN)
    assert not any(found.values()), found


def test_only_its_owner_and_administrators_read_the_name_of_a_file(app: Flask, school: School, staff: Person) -> None:
    """It may be that of a child. Tasks are listed for all staff, and the history of a device is shown to whoever sees the device."""
    name, carol = "Smith, John lost.csv", Person(app, user(app, "staff", "carol"))
    school.student("1001")
    school.device("W12-0001")
    lists = {"students": (LIST, "student_id"), "devices": (b"Tag,Assigned To\nW12-0001,1001\n", "tag")}
    for subject, (data, key) in lists.items():
        page = staff.submit(f"/{subject}/import", file=(io.BytesIO(data), name)).location or ""
        columns = {"student_id": "0", "first_name": "1", "last_name": "2"} if key == "student_id" else {"asset_tag": "0", "student_id": "1"}
        press(staff, app, page, "preview", **columns)
        press(staff, app, page, "import")
        if subject == "devices":
            assert "From import" in carol.read("/devices/W12-0001")
        press(staff, app, page, f"imports/{1 if subject == 'students' else 2}/undo")
        assert name in staff.read(page)
    tasks = carol.read("/tasks")
    assert all(f"{title} of {subject}, " in tasks for title in ("Preview", "Import") for subject in lists)
    assert all(f"Undo of an import of {subject}" in tasks for subject in lists)
    assert ("Import of students, 3 rows" in tasks, "Smith" in tasks + carol.read("/devices/W12-0001")) == (True, False)
    assert {each for each in traces(app, "Smith") if "." in each and "sqlite" not in each} == {"rosters.source"}


def test_a_column_that_is_not_mapped_any_more_is_emptied(app: Flask, school: School, staff: Person) -> None:
    page = send(staff, LIST.replace(b"Homeroom", b"Email").replace(b",H1", b",secret-place"))
    assert traces(app, "secret-place")
    press(staff, app, page, "preview", student_id="0", first_name="1", last_name="2", grade="3")
    with app.app_context(), reading() as session:
        parts = session.scalars(select(ImportFilePart.content)).all()
        file = session.scalars(select(ImportFile)).one()
    assert parts
    assert all(b"secret-place" not in part for part in parts)
    assert (file.emptied, file.sample[0][4], b"Hopper" in parts[0]) == ([4], "", True)
    assert file.stored_size == sum(map(len, parts))
    press(staff, app, page, "preview", student_id="0", first_name="1", last_name="2", grade="3", email="4")
    assert "Upload the file again to use it." in staff.read(page)


def test_rows_are_deleted_once_imported_and_after_a_day(app: Flask, school: School, staff: Person) -> None:
    page = send(staff)
    press(staff, app, page, "preview", student_id="0", first_name="1", last_name="2", grade="3")
    press(staff, app, page, "import")
    waiting = send(staff)
    with app.app_context():
        with reading() as session:
            sizes = session.execute(select(ImportFile.stored_size, ImportFile.sample).order_by(ImportFile.id)).all()
            parts = session.scalars(select(ImportFilePart.roster_id).distinct()).all()
        assert ([(size > 0, sample != []) for size, sample in sizes], parts) == ([(False, False), (True, True)], [2])
        for hours, deleted in ((23, 0), (25, 1), (25, 0)):
            with transaction() as session:
                assert service.delete_waiting(session, now=utc_now() + timedelta(hours=hours)) == deleted
    assert "The rows of this file were deleted." in staff.read(waiting)
    press(staff, app, waiting, "preview", student_id="0")
    assert "upload the file again" in staff.read(waiting)
    assert "Undo import" in staff.read(page), "what is deleted are the rows, not what an undo needs"


def test_an_interrupted_upload_leaves_nothing(app: Flask, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*_arguments: object, **_options: object) -> None:
        raise Killed

    monkeypatch.setattr(service, "check_quota", die)
    with app.app_context():
        with inspected([LIST], STUDENTS.aliases) as upload:
            columns, quota = upload.layout.columns, Quota(1 << 30, 1 << 30)
            with pytest.raises(Killed):
                service.store(transaction, upload, STUDENTS, columns, source="x", actor=ADA, now=NOW, quota=quota)
        with transaction() as session:
            assert session.scalars(select(ImportFile.id)).all() == []
            session.add(ImportFile(**_row(), size=0, stored_size=5))
        with transaction() as session:
            assert service.delete_waiting(session, now=NOW + timedelta(days=2)) == 1
            assert session.scalars(select(ImportFile.id)).all() == []


def _row() -> dict[str, object]:
    lists: dict[str, object] = {name: [] for name in ("head", "left_out", "emptied", "sample")}
    texts = {"subject": "students", "source": "x", "encoding": "utf-8", "separator": ",", "state": "read", "started_by": "ada"}
    return {**lists, **texts, "columns": {}, "report": {"lines": 1}, "created_at": NOW}


def test_a_file_is_its_owners_and_administrators_alone(app: Flask, school: School, staff: Person, admin: Person) -> None:
    page = send(staff)
    press(staff, app, page, "preview", student_id="0", first_name="1", last_name="2", grade="3")
    press(staff, app, page, "import")
    people = {"owner": staff, "other staff": Person(app, user(app, "staff", "carol")), "admin": admin}
    people["teacher"] = Person(app, user(app, "teacher", "tom"))
    waiting = send(staff)
    rows = []
    for name, status in (("other staff", 404), ("teacher", 403)):
        rows += [(name, "GET", path, status) for path in (page, f"{page}/problems.csv")]
        actions = ("preview", "import", "imports/1/undo", "delete")
        rows += [(name, "POST", f"{path}/{action}", status) for path in (page, waiting) for action in actions]
    rows += [(name, "GET", path, 200) for name in ("owner", "admin") for path in (page, f"{page}/problems.csv", FILES)]
    rows += [("other staff", "GET", FILES, 200), ("teacher", "GET", FILES, 403), ("admin", "POST", f"{waiting}/delete", 303)]

    def answers(name: str, method: str, path: str, status: int) -> None:
        person = people[name]
        assert (person.get(path) if method == "GET" else person.submit(path)).status_code == status

    check_all(rows, answers)
    listed = {name: re.findall(rf"{FILES}/(\d+)\"", person.read(FILES)) for name, person in people.items() if name != "teacher"}
    assert {name: sorted(set(found)) for name, found in listed.items()} == {"owner": ["1"], "other staff": [], "admin": ["1"]}


def test_waiting_files_have_a_quota_for_each_person_and_for_all(app: Flask, school: School, staff: Person, tmp_path: Path) -> None:
    monkey = pytest.MonkeyPatch()
    carol = Person(app, user(app, "staff", "carol"))
    size = 0
    try:
        first = send(staff)
        with app.app_context(), reading() as session:
            size = waiting_size(session, ImportFile)
        monkey.setattr("request_tracker_utils.imports.views.quota", lambda: Quota(size + 1, 10 * size))
        refused = staff.submit("/students/import", file=(io.BytesIO(LIST), "sis.csv"))
        assert (refused.status_code, "Import or delete some of them" in refused.text) == (413, True)
        assert carol.submit("/students/import", file=(io.BytesIO(LIST), "sis.csv")).status_code == 303
        monkey.setattr("request_tracker_utils.imports.views.quota", lambda: Quota(10 * size, 2 * size))
        refused = carol.submit("/students/import", file=(io.BytesIO(LIST), "sis.csv"))
        assert (refused.status_code, "An administrator can delete them now." in refused.text) == (413, True)
        staff.submit(f"{first}/delete")
        assert send(staff).startswith(FILES)
        with app.app_context(), reading() as session:
            assert waiting_size(session, ImportFile) == 2 * size
    finally:
        monkey.undo()


def test_commands_list_and_delete_waiting_files_and_leave_none(app: Flask, school: School, staff: Person, run: Run, tmp_path: Path) -> None:
    page = send(staff)
    [line] = run("imports", "list", "--waiting").stdout.splitlines()
    assert (line.split("\t")[0], line.split("\t")[2:]) == ("1", ["bob", "sis.csv", "1 KB"])
    assert run("imports", "delete", "1").stdout == "sis.csv was deleted.\n"
    assert run("imports", "delete", "1").exit_code == 1
    assert staff.get(page).status_code == 404
    path = tmp_path / "list.csv"
    path.write_bytes(LIST)
    assert run("students", "import", str(path), "--dry-run").exit_code == 0
    path.write_bytes(LIST.replace(b"9,078", b"99,078"))
    run("students", "import", str(path))
    assert run("imports", "list", "--waiting").stdout == ""
    path.unlink()
    assert traces(app, SSN) == []


def test_data_shows_no_contents_of_files(app: Flask, school: School, admin: Person) -> None:
    page = send(admin)
    press(admin, app, page, "preview", student_id="0", first_name="1", last_name="2", grade="3")
    for table in ("rosters", "roster_parts", "roster_changes", "asset_intakes"):
        for path in ("", "details/?id=1", "export/csv/"):
            text_ = admin.get(f"/admin/data/{table}/{path}").get_data(as_text=True)
            assert "Hopper" not in text_, (table, path)


@pytest.fixture
def old_database(tmp_path: Path) -> Flask:
    """Before the update: with an imported and a waiting list, and one that was deleted."""
    return make_app(tmp_path, database_url=f"sqlite:///{tmp_path}/old.sqlite")


def test_the_update_deletes_the_rows_of_earlier_files(old_database: Flask, tmp_path: Path) -> None:
    app = old_database
    insert = (
        "INSERT INTO rosters (id, subject, source, size, encoding, separator, head, sample, columns, deactivate_missing, "
        "match_zeros, state, report, started_by, created_at) VALUES (:id, 'students', 'x.csv', 9, 'utf-8', ',', '[]', :sample, '{}', 0, "
        "0, 'read', '{}', 'ada', '2026-01-01')"
    )
    with app.app_context():
        upgrade(directory=str(MIGRATIONS), revision="0009")
        for number in (1, 2):
            with transaction() as session:
                session.execute(text(insert), {"id": number, "sample": f'[["{SSN}"]]'})
                part = {"id": number, "content": LIST * 500}
                session.execute(text("INSERT INTO roster_parts (roster_id, position, content) VALUES (:id, 0, :content)"), part)
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete=OFF")
            connection.exec_driver_sql("DELETE FROM roster_parts WHERE roster_id = 1")
            connection.commit()
        assert traces_in(tmp_path, SSN)
        upgrade(directory=str(MIGRATIONS))
        db.engine.dispose()
        assert traces_in(tmp_path, SSN) == []
