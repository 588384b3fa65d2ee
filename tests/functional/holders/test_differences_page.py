"""The page of differences: comparing, settling one by its button, settling all of a kind, and what could not be told."""

from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.holders.models import HolderDifference
from request_tracker_utils.tasks.models import Task, TaskState
from tests.functional.holders.conftest import Office
from tests.services import forms
from tests.services.apps import csrf_token as csrf, sign_in, token, user
from tests.services.forms import buttons

PAGE = {"Accept": "text/html"}
HERE = "/students/differences"
show, press = partial(forms.show, HERE), partial(forms.press, HERE)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    user(app, "admin", "ada")
    sign_in(client, "ada")
    return client


def compare(office: Office, client: FlaskClient) -> str:
    """Presses “Compare now”, and returns the page of the task that has ended then."""
    press(client, "Compare now")
    office.job("run-tasks")
    with office.looking() as session:
        task = session.scalars(select(Task).order_by(Task.id.desc()).limit(1)).one()
        assert task.state == TaskState.DONE, task.error
    return client.get(f"/tasks/{task.id}", headers=PAGE).get_data(as_text=True)


def lent(office: Office, tag: str, student_id: str = "1001") -> int:
    """A device that a student has, and of which the directory knows. Returns the asset."""
    asset_id = office.asset(tag)
    office.device(tag)
    office.assign(tag, student_id)
    office.job("sync-holders")
    return asset_id


def test_before_the_first_comparison_nothing_is_claimed(client: FlaskClient) -> None:
    page = show(client)
    assert "Not compared yet" in page
    assert "Nothing differs" not in page


def test_what_agrees_is_said_so(office: Office, client: FlaskClient) -> None:
    office.student("1001")
    lent(office, "W12-0001")
    assert "Nothing differs." in compare(office, client)
    assert "Nothing differs." in show(client)


def test_each_kind_is_found_shown_and_settled_by_its_button(office: Office, client: FlaskClient) -> None:
    office.students(2)
    other, taken, renamed = (lent(office, f"W12-000{number}") for number in (1, 2, 3))
    office.hold(other, "ms.lee")
    office.hold(taken, "1002")
    with office.app.app_context():
        asset_store().rename(renamed, "Ms Lee’s laptop <b>")
    office.device("W12-0004")
    stranger = office.asset("W12-0005", "1002", model="Latitude")
    ended = compare(office, client)
    assert "5 differences are open." in ended
    assert HERE in ended
    page = show(client)
    assert "“Ms Lee’s laptop &lt;b&gt;”" in page
    for heading in ("Other holders", "Called otherwise", "Unknown here", "Missing there"):
        assert heading in page
    for words, said in (
        ("Tell the directory that 1001 has it, W12-0001", "the directory is told that 1001 has W12-0001."),
        ("Give it to Alan Turing here, W12-0002", "W12-0002 is with Alan Turing now."),
        (f"Call #{renamed} W12-0003 again in the directory, W12-0003", f"#{renamed} is called W12-0003 again in the directory."),
        ("Retire W12-0004 here, W12-0004", "W12-0004 is retired."),
        (f"Register W12-0005 here, with Alan Turing, #{stranger}", "W12-0005 is a device here now, with Alan Turing."),
    ):
        assert said in press(client, words)
    office.job("sync-holders")
    assert [office.holder(each) for each in (other, taken, renamed, stranger)] == ["1001", "1002", "1001", "1002"]
    assert "Nothing differs." in compare(office, client)


def test_all_of_a_kind_are_settled_in_one_way(office: Office, client: FlaskClient) -> None:
    office.students(3)
    assets = [lent(office, f"W12-000{number}") for number in range(1, 5)]
    for asset_id in assets[:3]:
        office.hold(asset_id, "1002")
    office.hold(assets[3], "ms.lee")
    compare(office, client)
    press(client, "Take over all from the directory")
    office.hold(assets[2], "1003")  # somebody was faster
    office.job("run-tasks")
    with office.looking() as session:
        task = session.scalars(select(Task).where(Task.kind == "settle-holder-differences")).one()
        assert (task.title, task.state, task.done, task.failed) == ("Settle 4 differences with the directory", "done", 4, 0)
    assert [office.device_now(f"W12-000{number}").current_student_id for number in range(1, 5)] == ["1002", "1002", "1001", "1001"]
    office.job("sync-holders")
    press(client, "Tell the directory all of ours")
    office.job("run-tasks")
    office.job("sync-holders")
    assert [office.holder(each) for each in assets] == ["1002", "1002", "1001", "1001"]
    assert "Nothing differs." in show(client)


def test_what_is_left_is_counted_and_not_shown_again(office: Office, client: FlaskClient) -> None:
    office.asset("W12-0001", "ms.lee")
    compare(office, client)
    press(client, "Leave it as it is, #1", "?kind=unknown_here")
    compare(office, client)
    page = show(client)
    assert "Nothing differs." in page
    assert "1 difference was left as it is." in page


def test_the_staff_sees_no_button_that_overrides_and_cannot_press_one(app: Flask, office: Office, client: FlaskClient) -> None:
    office.students(2)
    asset_id = lent(office, "W12-0001")
    office.hold(asset_id, "1002")
    office.hold(lent(office, "W12-0002"), "1002")
    compare(office, client)
    user(app, "staff", "grace")
    staff = app.test_client()
    sign_in(staff, "grace")
    page = show(staff)
    assert "Tell the directory that 1001 has it" in page
    assert "Give it to" not in page
    assert "Take over all" not in page
    form = {"way": "taken", "kind": "holder", "csrf_token": csrf(staff, HERE)}
    for path in ("/1/settle", "/settle-all"):
        assert staff.post(HERE + path, data=form, headers=PAGE).status_code == 403
    user(app, "teacher", "alan")
    teacher = app.test_client()
    sign_in(teacher, "alan")
    assert not any("has it" in each.words or "Compare" in each.words for each in buttons(show(teacher)))


def test_what_could_not_be_told_is_shown_and_tried_again_by_its_button(office: Office, client: FlaskClient) -> None:
    office.student("1001")
    office.device("W12-0001")
    office.assign("W12-0001", "1001")
    assert office.job("sync-holders") == 0
    assert "No asset is called W12-0001. Create it, or name its number at the device." in show(client)
    asset_id = office.asset("W12-0001")
    assert office.job("sync-holders") == 0  # it is not its turn yet
    assert "1 is tried again." in press(client, "Try all again now")
    assert office.job("sync-holders") == 1
    assert office.holder(asset_id) == "1001"
    assert "No asset is called" not in show(client)


def test_five_thousand_are_shown_by_pages(office: Office, client: FlaskClient) -> None:
    now = utc_now()
    with office.writing() as session:
        rows = ({"asset_id": each, "asset_name": f"W12-x{each}", "theirs": "ms.lee"} for each in range(1, 5001))
        session.add_all(HolderDifference(kind="unknown_here", asset_tag="", found_at=now, seen_at=now, **row) for row in rows)
    page = show(client)
    assert "All 5000" in page
    assert page.count("“W12-x") == 5
    page, seen = show(client, "?kind=unknown_here"), 0
    for _ in range(3):
        seen += page.count("“W12-x")
        page = show(client, "?kind=unknown_here&after=" + page.split("after=")[-1].split('"', 1)[0])
    assert (seen, "“W12-x151”" in page, "From the beginning" in page) == (150, True, True)


@pytest.mark.parametrize("query", ["?kind=nonsense", "?after=x", "?kind=holder&after=-5", "?kind=holder&after=99999999999999999999"])
def test_an_address_that_nobody_made_shows_what_there_is(client: FlaskClient, query: str) -> None:
    show(client, query)


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/7/settle", {"way": "left"}, 404),
        ("/7/settle", {"way": "nonsense"}, 404),
        ("/7/settle", {}, 404),
        ("/settle-all", {"kind": "holder", "way": "linked"}, 404),
        ("/settle-all", {"kind": "nonsense", "way": "told"}, 404),
        ("/settle-all", {"kind": "holder", "way": "told"}, 303),
    ],
)
def test_a_form_that_nobody_was_shown_changes_nothing(client: FlaskClient, path: str, form: dict[str, str], status: int) -> None:
    form = {**form, "csrf_token": csrf(client, HERE), "after": "x"}
    assert client.post(HERE + path, data=form, headers=PAGE).status_code == status


def test_a_second_comparison_leads_to_the_one_under_way(office: Office, client: FlaskClient) -> None:
    press(client, "Compare now")
    assert "See the comparison" in show(client)
    form = {"csrf_token": csrf(client, HERE)}
    assert client.post(f"{HERE}/compare", data=form, headers=PAGE).headers["Location"] == "/tasks/1"
    assert office.job("compare-holders") == 0
    assert office.job("run-tasks") == 1


def test_the_daily_job_compares_once_a_day_and_not_at_each_start(office: Office) -> None:
    assert office.job("compare-holders") == 1
    assert office.job("run-tasks") == 1
    assert office.job("compare-holders") == 0
    with office.writing() as session:
        session.execute(update(Task).values(ended_at=utc_now() - timedelta(hours=23)))
    assert office.job("compare-holders") == 1


def test_the_status_and_the_numbers_tell_what_is_open(app: Flask, office: Office, client: FlaskClient) -> None:
    admin = token(app, "admin")
    office.student("1001")
    office.device("W12-0001")
    office.assign("W12-0001", "1001")
    plain = app.test_client()
    numbers = plain.get("/metrics", headers=admin).get_data(as_text=True)
    assert "rtutils_holders_to_tell 1.0" in numbers
    assert "rtutils_holders_with_a_problem 0.0" in numbers
    office.job("sync-holders")
    office.asset("W12-0009", "ms.lee")
    compare(office, client)
    numbers = plain.get("/metrics", headers=admin).get_data(as_text=True)
    assert "rtutils_holders_with_a_problem 1.0" in numbers
    assert "rtutils_holder_differences 2.0" in numbers
    assert "rtutils_repair_tickets_to_make 0.0" in numbers
    page = plain.get("/admin", headers={**admin, **PAGE}).get_data(as_text=True)
    assert "1 device could not be told to the directory." in page
    assert "The directory and our devices differ: 2 to settle." in page
    assert "No asset is called W12-0001." in page


def test_the_rows_of_differences_are_written_once(office: Office, client: FlaskClient) -> None:
    office.asset("W12-0001", "ms.lee")
    for _ in range(2):
        compare(office, client)
    with office.app.app_context(), reading() as session:
        assert len(session.scalars(select(HolderDifference)).all()) == 1
    with office.app.app_context(), transaction() as session:
        session.execute(update(HolderDifference).values(settled_at=utc_now(), settlement="vanished", settled_by="x"))
    assert "1 difference is open." in compare(office, client)
