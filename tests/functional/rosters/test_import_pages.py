"""A file on its way through the pages: uploaded, mapped, previewed, imported."""

import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from request_tracker_utils.imports import views
from request_tracker_utils.students import service as students
from tests.services.apps import csrf_token, run_job
from tests.services.csv_files import without_mark
from tests.services.forms import button, submit
from tests.services.rosters import ALAN, GRACE, csv
from tests.services.school import School
from tests.services.tables import check_all

HTML = {"Accept": "text/html"}
PREVIEW, IMPORT, UNDO = "Preview changes", "Import", "Undo import"


def upload(client: FlaskClient, data: bytes, *, subject: str = "students", **fields: str) -> TestResponse:
    form = {**fields, "csrf_token": csrf_token(client, f"/{subject}/import"), "file": (io.BytesIO(data), "list.csv")}
    return client.post(f"/{subject}/import", data=form, content_type="multipart/form-data", headers=HTML)


def previewed(app: Flask, client: FlaskClient, data: bytes, subject: str = "students", **fields: str) -> str:
    """The address of a previewed file."""
    page = upload(client, data, subject=subject).location
    columns = {"student_id": "0", "first_name": "1", "last_name": "2", "grade": "3"} if subject == "students" else {"asset_tag": "0"}
    answer = submit(client, page, PREVIEW, **{**columns, **fields})
    assert "/tasks/" in answer.location
    run_job(app, "run-tasks")
    assert page in client.get(answer.location, headers=HTML).text
    return page


def test_a_file_is_uploaded_previewed_and_imported(app: Flask, client: FlaskClient, school: School) -> None:
    school.student("1001", grade="8")
    school.student("1005", "Barbara", "Liskov")
    page = previewed(app, client, csv(GRACE, ALAN, "1003,,X,99,,,"), deactivate_missing="on")
    text = client.get(page, headers=HTML).text
    for words in (
        "to create",
        "<del>8</del>",
        "1005 Barbara Liskov",
        "The first name is missing.",
        "Import students, skip 1 row",
    ):
        assert words in text, words
    assert (school.student_now("1001").grade, school.student_now("1005").is_active) == ("8", True)
    answer = submit(client, page, IMPORT)
    run_job(app, "run-tasks")
    assert "1 created, 1 changed, 1 deactivated, 1 skipped" in client.get(answer.location, headers=HTML).text
    assert (school.student_now("1001").grade, school.student_now("1005").is_active) == ("9", False)
    text = client.get(page, headers=HTML).text
    assert "Imported " in text
    assert ">Import students<" not in text
    assert without_mark(client.get(f"{page}/problems.csv").text).splitlines()[1] == "4,1003,The first name is missing."
    assert "list.csv" in client.get("/students/import", headers=HTML).text, "among the recent files"


def test_columns_with_unknown_headers_are_mapped_by_hand(app: Flask, client: FlaskClient, school: School) -> None:
    data = b"Nr;Vorname;Nachname\n007;James;Bond\n008;Bill;Timothy\n"
    text = upload(client, data).text
    assert "1. Nr" in text
    assert "The first row is a header row" in text
    assert "Choose the same file again." in text
    chosen = {"chosen": "on", "student_id": "0", "first_name": "1", "last_name": "2", "first_row_is_header": "on"}
    wrong = upload(client, data, **{**chosen, "first_name": "0"})
    assert (wrong.status_code, "have the same column" in wrong.text, "1. Nr" in wrong.text) == (400, True, True)
    task = upload(client, data, **chosen).location
    run_job(app, "run-tasks")
    page = re.findall(r'"(/students/imports/\d+)"', client.get(task, headers=HTML).text)[0]
    submit(client, page, IMPORT)
    run_job(app, "run-tasks")
    assert school.student_now("007").name == "James Bond"


def test_devices_are_imported_in_the_same_way(app: Flask, client: FlaskClient, school: School) -> None:
    school.student()
    page = previewed(app, client, csv("W12-0001,1001", header="Tag,Assigned To"), "devices", student_id="1")
    assert "to assign or change status" in client.get(page, headers=HTML).text
    submit(client, page, IMPORT)
    run_job(app, "run-tasks")
    assert school.device_now("W12-0001").current_student_id == "1001"


def test_files_that_cannot_be_read_are_refused_at_the_field(client: FlaskClient) -> None:
    def check(data: bytes, words: str) -> None:
        answer = upload(client, data)
        assert (answer.status_code, words in answer.text, "is-invalid" in answer.text) == (400, True, True)

    check_all([(b"%PDF-1.7", "a PDF"), (b"", "empty"), (b"PK\x03\x04", "a workbook")], check)
    answer = client.post("/students/import", data={"csrf_token": csrf_token(client, "/students/import")}, headers=HTML)
    assert (answer.status_code, "Choose a file" in answer.text) == (400, True)


def test_a_preview_needs_the_column_of_the_student_number(client: FlaskClient) -> None:
    page = upload(client, csv(GRACE)).location
    unknown = ({"student_id": "x"}, "does not have this column")
    for fields, words in (({"first_name": "1"}, "Choose the column of the student number."), unknown):
        answer = submit(client, page, PREVIEW, **fields)
        assert words in client.get(answer.location, headers=HTML).text


def test_an_unclosed_quote_is_reported_with_its_line(app: Flask, client: FlaskClient) -> None:
    page = previewed(app, client, csv(GRACE, ALAN, ALAN, ALAN, '1004,"Ada,Lovelace,9,,,'))
    text = client.get(page, headers=HTML).text
    assert "cannot be read to the end" in text
    assert "line 6" in text
    assert ">Import students<" not in text


def test_files_of_many_megabytes_are_accepted_and_larger_ones_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert upload(client, csv(GRACE) + b"\n" * 3_000_000).status_code == 303
    monkeypatch.setattr(views, "MAX_FILE_SIZE", 1_000_000)
    answer = upload(client, csv(GRACE) + b"\n" * 2_000_000)
    assert (answer.status_code, "larger than 64 MB" in answer.text) == (413, True)
    assert client.post("/students/rollover", data={"name": "x" * 2_000_000}, headers=HTML).status_code == 413, "on other pages"


def test_a_second_click_redirects_to_the_running_task(client: FlaskClient) -> None:
    page = upload(client, csv(GRACE)).location
    pressed = button(client.get(page, headers=HTML).text, PREVIEW)
    first, second = (client.post(pressed.action, data={**pressed.fields, "student_id": "0"}, headers=HTML) for _ in range(2))
    assert first.location == second.location
    assert "Open task" in client.get(page, headers=HTML).text


def test_an_import_is_undone_once_and_refused_where_records_have_changed(app: Flask, client: FlaskClient, school: School) -> None:
    school.student("1001", grade="8")
    page = previewed(app, client, csv(GRACE, ALAN))
    assert UNDO not in client.get(page, headers=HTML).text
    submit(client, page, IMPORT)
    run_job(app, "run-tasks")
    text = client.get(page, headers=HTML).text
    assert "Undo the import of list.csv? Undoing deletes 1 record and restores 1." in text
    pressed = button(text, UNDO)
    with school.writing() as session:
        students.change(session, students.get(session, "1001"), {"homeroom": "H7"}, now=school.now())
    text = client.get(page, headers=HTML).text
    assert "because some of its students have changed since then, or have devices: 1001 Grace Hopper." in text
    assert f">{UNDO}<" not in text
    failed = client.post(pressed.action, data=pressed.fields, headers=HTML)
    run_job(app, "run-tasks")
    assert "have changed since then" in client.get(failed.location, headers=HTML).text
    assert school.student_now("1002").grade == "10"

    other = previewed(app, client, csv("1001,A,B,5,,,", "1003,A,B,9,,,"))
    submit(client, other, IMPORT)
    run_job(app, "run-tasks")
    pressed = button(client.get(other, headers=HTML).text, UNDO)
    first, second = (client.post(pressed.action, data=pressed.fields, headers=HTML) for _ in range(2))
    assert first.location == second.location, "two people press at once"
    run_job(app, "run-tasks")
    assert "1 deleted, 1 restored." in client.get(first.location, headers=HTML).text
    text = client.get(other, headers=HTML).text
    assert "The import was undone. To import the file again" in text
    assert "Undone by" in text
    again = client.post(pressed.action, data=pressed.fields, headers=HTML)
    assert "was already undone by" in client.get(again.location, headers=HTML).text
    assert client.post(pressed.action.replace("/imports/2/", "/imports/1/", 1), data=pressed.fields, headers=HTML).status_code == 404


def test_an_unknown_file_is_not_found(client: FlaskClient) -> None:
    assert client.get("/students/imports/99", headers=HTML).status_code == 404
