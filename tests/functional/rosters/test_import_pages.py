"""A list on its way through the pages: sent, its columns mapped, looked through, imported."""

import io

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from request_tracker_utils.rosters.views import imports as views
from request_tracker_utils.tasks.jobs import run_tasks
from tests.services.apps import csrf_token
from tests.services.forms import button
from tests.services.rosters import ALAN, GRACE, csv
from tests.services.school import School

HTML = {"Accept": "text/html"}


def send(client: FlaskClient, data: bytes, *, subject: str = "students", name: str = "list.csv") -> TestResponse:
    form = {"csrf_token": csrf_token(client, f"/{subject}/import"), "file": (io.BytesIO(data), name)}
    return client.post(f"/{subject}/import", data=form, content_type="multipart/form-data", headers=HTML)


def press(client: FlaskClient, page: str, words: str, **fields: str) -> TestResponse:
    pressed = button(client.get(page, headers=HTML).text, words)
    return client.post(pressed.action, data={**pressed.fields, **fields}, headers=HTML)


def do_tasks(app: Flask) -> None:
    with app.app_context():
        run_tasks()


def checked(app: Flask, client: FlaskClient, data: bytes, subject: str = "students", **fields: str) -> str:
    """The address of a list that was looked through."""
    page = send(client, data, subject=subject).location
    columns = {"student_id": "0", "first_name": "1", "last_name": "2", "grade": "3"} if subject == "students" else {"asset_tag": "0"}
    answer = press(client, page, "Check the list", **{**columns, **fields})
    assert "/tasks/" in answer.location
    do_tasks(app)
    assert page in client.get(answer.location, headers=HTML).text
    return page


def test_a_list_is_sent_looked_through_and_imported(app: Flask, client: FlaskClient, school: School) -> None:
    school.student("1001", grade="8")
    school.student("1005", "Barbara", "Liskov")
    page = checked(app, client, csv(GRACE, ALAN, "1003,,X,99,,,"), deactivate_missing="on")
    text = client.get(page, headers=HTML).text
    for words in (
        "would be new",
        "<del>8</del>",
        "1005 Barbara Liskov",
        "The first name is missing.",
        "Grade 99 is none",
        "Import, leave out 1",
    ):
        assert words in text
    assert (school.student_now("1001").grade, school.student_now("1005").is_active) == ("8", True)
    answer = press(client, page, "Import")
    do_tasks(app)
    assert "1 entered, 1 changed, 1 made inactive, 1 left out" in client.get(answer.location, headers=HTML).text
    assert (school.student_now("1001").grade, school.student_now("1005").is_active) == ("9", False)
    text = client.get(page, headers=HTML).text
    assert "Imported " in text
    assert ">Import" not in text
    assert client.get(f"{page}/problems.csv").text.splitlines()[1] == "4,1003,The first name is missing."


def test_columns_that_nobody_knows_are_mapped_by_hand(app: Flask, client: FlaskClient, school: School) -> None:
    page = send(client, b"Nr;Vorname;Nachname\n007;James;Bond\n008;Bill;Timothy\n").location
    text = client.get(page, headers=HTML).text
    assert "1. Nr" in text
    assert "The first row is a heading" in text
    columns = {"student_id": "0", "first_name": "1", "last_name": "2", "first_is_head": "on"}
    press(client, page, "Check the list", **columns)
    do_tasks(app)
    press(client, page, "Import")
    do_tasks(app)
    assert school.student_now("007").name == "James Bond"


def test_devices_come_in_the_same_way(app: Flask, client: FlaskClient, school: School) -> None:
    school.student()
    page = checked(app, client, csv("W12-0001,1001", head="Tag,Assigned To"), "devices", student_id="1")
    assert "would be assigned or set" in client.get(page, headers=HTML).text
    press(client, page, "Import")
    do_tasks(app)
    assert school.device_now("W12-0001").current_student_id == "1001"


def test_what_is_no_list_is_refused_at_the_field(client: FlaskClient) -> None:
    for data, words in ((b"%PDF-1.7", "a PDF"), (b"", "empty"), (b"PK\x03\x04", "a workbook")):
        answer = send(client, data)
        assert (answer.status_code, words in answer.text, "is-invalid" in answer.text) == (400, True, True)
    answer = client.post("/students/import", data={"csrf_token": csrf_token(client, "/students/import")}, headers=HTML)
    assert (answer.status_code, "Choose a file" in answer.text) == (400, True)


def test_a_list_without_a_number_for_each_student_is_not_looked_through(client: FlaskClient) -> None:
    page = send(client, csv(GRACE)).location
    answer = press(client, page, "Check the list", first_name="1")
    assert "Say in which column the student number is." in client.get(answer.location, headers=HTML).text


def test_a_quote_that_never_closes_is_told_with_its_line(app: Flask, client: FlaskClient) -> None:
    page = checked(app, client, csv(GRACE, ALAN, ALAN, ALAN, '1004,"Ada,Lovelace,9,,,'))
    text = client.get(page, headers=HTML).text
    assert "cannot be read to its end" in text
    assert "line 6" in text
    assert ">Import<" not in text


def test_a_file_of_many_megabytes_is_taken_and_one_that_is_too_large_is_not(client: FlaskClient, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    assert send(client, csv(GRACE) + b"\n" * 3_000_000).status_code == 303
    monkeypatch.setattr(views, "LARGEST", 1_000_000)
    answer = send(client, csv(GRACE) + b"\n" * 2_000_000)
    assert (answer.status_code, "larger than 64 MB" in answer.text) == (413, True)


def test_other_pages_take_no_more_than_before(client: FlaskClient) -> None:
    answer = client.post("/students/rollover", data={"name": "x" * 2_000_000}, headers=HTML)
    assert answer.status_code == 413


def test_who_comes_second_is_led_to_the_task_that_runs(client: FlaskClient) -> None:
    page = send(client, csv(GRACE)).location
    pressed = button(client.get(page, headers=HTML).text, "Check the list")
    first, second = (client.post(pressed.action, data={**pressed.fields, "student_id": "0"}, headers=HTML) for _ in range(2))
    assert first.location == second.location
    assert "Open the task" in client.get(page, headers=HTML).text


def test_lists_of_last_month_are_gone(client: FlaskClient) -> None:
    assert client.get("/students/imports/99", headers=HTML).status_code == 404
