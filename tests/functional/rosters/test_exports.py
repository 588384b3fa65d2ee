"""CSV files for users who may read students."""

from flask.testing import FlaskClient

from tests.services.csv_files import without_mark
from tests.services.school import School


def lines(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    return without_mark(answer.text).splitlines()


def test_students_devices_and_their_history_are_exported(client: FlaskClient, school: School) -> None:
    school.students(2)
    school.device("W12-0001", serial_number="SN1")
    school.assign("W12-0001", "1001", notes="=2+2", accessories=["charger", "case"])
    assert lines(client, "/students/export.csv") == [
        "student_id,first_name,last_name,grade,homeroom,school,email,rt_user,active,devices",
        "1001,Grace,Hopper,9,,,,,yes,1",
        "1002,Alan,Turing,9,,,,,yes,0",
    ]
    assert lines(client, "/devices/export.csv")[1].startswith("W12-0001,SN1,Chromebook 3100,checked_out,,good,1001,2026-08-17T")
    _, entry = lines(client, "/devices/logs.csv")
    for words in ("check_in,1001,Grace Hopper", '"charger, case"', "'=2+2"):
        assert words in entry


def test_leavers_are_a_page_and_a_file(client: FlaskClient, school: School) -> None:
    assert "All devices returned" in client.get("/students/leavers").text
    school.student("1001", grade="12")
    school.device("W12-0001")
    school.assign("W12-0001", "1001")
    page = client.get("/students/leavers?last_grade=12").text
    assert "Grace Hopper" in page
    assert "W12-0001" in page
    assert len(lines(client, "/students/leavers.csv")) == 1
    assert lines(client, "/students/leavers.csv?last_grade=12")[1] == "1001,Grace,Hopper,12,,,,W12-0001,Chromebook 3100,"
    assert client.get("/students/leavers?last_grade=x").status_code == 400
