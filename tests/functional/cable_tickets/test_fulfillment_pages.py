"""The pick list, and the parts of a ticket's page about its pieces."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tasks.models import RUN_TASKS, Task
from tests.services.apps import csrf_token, run_job, signed_in
from tests.services.fulfilling import approved, item_ids, state_of
from tests.services.stocking import check_books, delivered, on_hand

PICK_LIST = "/tickets/pick-list"
CAT6 = ("Cat6", "100 ft")


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def key_in(html: str) -> str:
    found = re.search(r'name="request_key" value="([^"]+)"', html)
    assert found
    return found[1]


def send(client: FlaskClient, path: str, **fields: Any) -> tuple[int, str]:
    answer = client.post(path, data={"csrf_token": csrf_token(client, "/tickets/list"), **fields}, follow_redirects=True)
    return answer.status_code, answer.get_data(as_text=True)


def test_the_page_of_a_ticket_fulfills_in_part_cuts_and_takes_back(app: Flask) -> None:
    with app.app_context():
        delivered((*CAT6, 2), ("Cat6", "1,000 ft", 1))
        ticket = approved((*CAT6, 3), ("Coax", "spool", 1))
        first, second = item_ids(ticket)
    staff = signed_in(app, "staff")
    html = page(staff, f"/tickets/{ticket}")
    assert f'name="pieces-{first}" value="2"' in html
    assert "Cut what is missing from 1,000 ft" in html
    assert "/stock/receive?cable_type=Coax" in html, "what the stock lacks can be received at once"
    key = key_in(html)
    for _ in range(2):
        html = send(staff, f"/tickets/{ticket}/fulfill", request_key=key, **{f"pieces-{first}": "1", f"pieces-{second}": ""})[1]
        assert "The pieces were taken from the shelf." in html
    with app.app_context():
        assert state_of(ticket) == ("in_progress", [(1, 0), (0, 0)]), "the same form is done once"
    html = send(staff, f"/tickets/{ticket}/fulfill", **{f"pieces-{first}": "2", f"cut-{first}": "on"})[1]
    assert "1 × Cat6, 100 ft" in html, "the history says what was taken"
    for fields, words in (
        ({f"pieces-{second}": "1"}, "0 pieces of Coax spool are available, and 1 are needed. Receive a delivery or adjust the stock"),
        ({f"pieces-{first}": "1"}, "0 pieces of Cat6 100 ft are left to fulfill."),
        ({f"pieces-{second}": "many"}, "Enter a whole number"),
        ({"pieces-99999999999": "1"}, "has no item 0."),
        ({"pieces-<b>": "1"}, "has no item 0."),
        ({}, "Enter the number of pieces for at least one item."),
    ):
        assert words in send(staff, f"/tickets/{ticket}/fulfill", **fields)[1], words
    status, html = send(staff, f"/tickets/{ticket}/fulfill", **{f"pieces-{first}": "", f"pieces-{second}": "77"})
    assert status == 409
    assert f'name="pieces-{second}" value="77"' in html, "what was entered stays in the form"
    html = send(staff, f"/tickets/{ticket}/returns", notes="Too long", **{f"pieces-{first}": "3"})[1]
    assert "The pieces are back on the shelf." in html
    assert "0 pieces of Cat6 100 ft are left to return." in send(staff, f"/tickets/{ticket}/returns", **{f"pieces-{first}": "1"})[1]
    with app.app_context():
        assert state_of(ticket) == ("in_progress", [(3, 3), (0, 0)])
        assert on_hand(include_zero=False) == {"Cat6 100 ft": 3, "Cat6 900 ft": 1}
        check_books()
    teacher = signed_in(app, "teacher", "grace")
    assert "Take pieces from the shelf" not in page(teacher, f"/tickets/{ticket}")
    assert (
        "Only staff, its approver, or an administrator can fulfill"
        in send(teacher, f"/tickets/{ticket}/fulfill", **{f"pieces-{second}": "1"})[1]
    )


def test_the_pick_list_fulfills_many_each_with_its_own_result(app: Flask) -> None:
    with app.app_context():
        delivered((*CAT6, 4))
        east, west, nowhere = (
            approved((*CAT6, 2), location="East"),
            approved((*CAT6, 3), location="West"),
            approved(("Coax", "spool", 1), location=""),
        )
        (of_east,), (of_west,), (of_nowhere,) = (item_ids(each) for each in (east, west, nowhere))
    staff = signed_in(app, "staff")
    html = page(staff, PICK_LIST)
    assert html.index("No location") < html.index("East") < html.index("West")
    assert f'name="pieces-{west}-{of_west}" value="2"' in html, "as many as are reserved"
    chosen = {f"pieces-{east}-{of_east}": "2", f"pieces-{west}-{of_west}": "1", f"pieces-{nowhere}-{of_nowhere}": "1", "pieces-x-y": "1"}
    key = key_in(html)
    first, again = (send(staff, PICK_LIST, request_key=key, **chosen) for _ in range(2))
    assert (first[0], again[0]) == (200, 200)
    assert "Fulfill 4 cable tickets" in first[1]
    assert run_job(app, RUN_TASKS) == 1, "the form that was sent twice is one task"
    with app.app_context():
        assert [state_of(each)[0] for each in (east, west, nowhere)] == ["fulfilled", "in_progress", "approved"]
        with reading() as session:
            task = session.get_one(Task, 1)
            assert (task.done, task.failed) == (2, 2)
        check_books()
    html = page(staff, "/tasks/1")
    assert "2 pieces are left to fulfill." in html
    assert "0 pieces of Coax spool are available" in html
    assert "Ticket 0 was not found." in html
    html = page(staff, PICK_LIST)
    assert f"pieces-{east}-" not in html
    assert "Enter the number of pieces for at least one ticket." in send(staff, PICK_LIST, **{f"pieces-{west}-{of_west}": "0"})[1]
    status, html = send(staff, PICK_LIST, request_key=key, **{f"pieces-{west}-{of_west}": "1"})
    assert (status, "This request key was used for another request." in html) == (409, True)


def test_a_deactivated_account_fulfills_nothing(app: Flask) -> None:
    """The task runs with the permissions of that moment."""
    with app.app_context():
        delivered((*CAT6, 2))
        ticket = approved((*CAT6, 1))
        (item,) = item_ids(ticket)
    staff = signed_in(app, "staff")
    send(staff, PICK_LIST, **{f"pieces-{ticket}-{item}": "1"})
    with app.app_context(), transaction() as session:
        for each in session.query(User).filter(User.role == "staff"):
            each.role = "teacher"
    run_job(app, RUN_TASKS)
    with app.app_context():
        assert state_of(ticket) == ("approved", [(0, 0)])
