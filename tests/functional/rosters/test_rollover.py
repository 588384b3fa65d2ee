"""The page of the rollover."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.services.forms import button, submit
from tests.services.school import School

HTML = {"Accept": "text/html"}
PAGE = "/students/rollover"


def press(client: FlaskClient, words: str, **fields: str) -> TestResponse:
    """The page after the redirect, or the page with errors."""
    answer = submit(client, PAGE, words, **fields)
    return client.get(answer.location, headers=HTML) if answer.location else answer


def test_the_page_previews_the_rollover(client: FlaskClient, school: School) -> None:
    assert "No students yet" in client.get(PAGE, headers=HTML).text
    school.student("1", grade="9")
    school.student("2", grade="12")
    school.device("W12-0001")
    school.assign("W12-0001", "2")
    text = client.get(PAGE, headers=HTML).text
    for words in ("grade 10", "Promote 1 student", "1 student leaves school.", "1 student leaves school with devices", "W12-0001"):
        assert words in text, words
    text = client.get(f"{PAGE}?last_grade=9", headers=HTML).text
    assert "Promote 0 students" in text
    assert "2 students leave school." in text


def test_a_year_has_one_rollover_which_can_be_undone(client: FlaskClient, school: School) -> None:
    school.student("1", grade="9")
    school.student("2", grade="12")
    refused = press(client, "Promote 1 student", name=" ")
    assert (refused.status_code, "Enter the new school year" in refused.text) == (400, True)
    assert "2026/27: 1 promoted, 1 left school." in press(client, "Promote 1 student", name="2026/27").text
    assert (school.student_now("1").grade, school.student_now("2").is_active) == ("10", False)
    again = press(client, "Promote 1 student", name="2026/27")
    assert (again.status_code, "already promoted for 2026/27" in again.text) == (409, True)
    undo = button(client.get(PAGE, headers=HTML).text, "Undo rollover 2026/27")
    answer = client.post(f"{PAGE}/99/undo", data=undo.fields, headers=HTML, follow_redirects=True)
    assert "Rollover 99 does not exist." in answer.text
    assert "Rollover 2026/27 undone." in press(client, "Undo rollover 2026/27").text
    assert (school.student_now("1").grade, school.student_now("2").is_active) == ("9", True)
    assert "undone" in client.get(PAGE, headers=HTML).text
