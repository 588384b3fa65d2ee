"""The turn of the school year on its page."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.services.forms import button
from tests.services.school import School

HTML = {"Accept": "text/html"}
PAGE = "/students/rollover"


def press(client: FlaskClient, words: str, page: str = PAGE, **fields: str) -> TestResponse:
    pressed = button(client.get(page, headers=HTML).text, words)
    return client.post(pressed.action, data={**pressed.fields, **fields}, headers=HTML, follow_redirects=True)


def test_the_page_says_what_would_become_of_whom(client: FlaskClient, school: School) -> None:
    school.student("1", grade="9")
    school.student("2", grade="12")
    school.device("W12-0001")
    school.assign("W12-0001", "2")
    text = client.get(PAGE, headers=HTML).text
    assert "grade 10" in text
    assert "1 go up, 1 leave" in text
    assert "1 of those who leave still has something" in text
    assert "W12-0001" in text
    assert "0 go up, 2 leave" in client.get(f"{PAGE}?last_grade=9", headers=HTML).text


def test_the_year_turns_once_and_can_be_taken_back(client: FlaskClient, school: School) -> None:
    school.student("1", grade="9")
    school.student("2", grade="12")
    assert "2026/27: 1 went up a grade, 1 left." in press(client, "1 go up", name="2026/27").text
    assert (school.student_now("1").grade, school.student_now("2").is_active) == ("10", False)
    again = press(client, "1 go up", name="2026/27")
    assert (again.status_code, "gone up for 2026/27 already" in again.text) == (409, True)
    assert "is taken back" in press(client, "Take 2026/27 back").text
    assert (school.student_now("1").grade, school.student_now("2").is_active) == ("9", True)
    assert "taken back" in client.get(PAGE, headers=HTML).text


def test_a_year_without_a_name_is_refused_at_the_field(client: FlaskClient, school: School) -> None:
    school.student()
    answer = press(client, "1 go up", name=" ")
    assert (answer.status_code, "Name the school year" in answer.text) == (400, True)


def test_nobody_turns_a_year_without_students(client: FlaskClient) -> None:
    assert "There is nobody yet" in client.get(PAGE, headers=HTML).text


def test_a_turn_that_there_was_not_is_not_taken_back(client: FlaskClient, school: School) -> None:
    school.student()
    press(client, "1 go up", name="2026/27")
    pressed = button(client.get(PAGE, headers=HTML).text, "Take 2026/27 back")
    answer = client.post(f"{PAGE}/99/undo", data=pressed.fields, headers=HTML, follow_redirects=True)
    assert "There is no turn of the year 99." in answer.text
