"""The pages of tasks."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tasks import jobs, service
from request_tracker_utils.tasks.kinds import Kind, Kinds, Link
from request_tracker_utils.tasks.models import TaskItem
from request_tracker_utils.tasks.running import Outcome, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import csrf_token, sign_in, token, user

PAGE = {"Accept": "text/html"}


def task_of(app: Flask, *, items: int = 4, failing: int = -1, permission: TagPermission = TagPermission.ASSIGN) -> int:
    def do(item: TaskItem) -> Outcome:
        if item.position == failing:
            raise Invalid("The label came off.")
        return Outcome(note="stuck on")

    def work(task: RunningTask) -> str:
        task.each(do, workers=2)
        return f"{task.done} labels hold."

    registry_of(app).get(Kinds).add(Kind("stick", permission, work, lambda task: [Link("Look at the shelf", "/assets")]))
    with app.app_context(), transaction() as session:
        things = [NewItem(f"laptop {number}") for number in range(items)]
        return service.start(session, "stick", title="Stick labels on", actor=Actor("ada"), now=utc_now(), items=things).id


def run(app: Flask) -> None:
    with app.app_context():
        jobs.run_tasks()


@pytest.fixture
def staff(app: Flask, client: FlaskClient) -> FlaskClient:
    user(app, "staff")
    sign_in(client, "staff")
    return client


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path, headers=PAGE)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_task_shows_how_far_it_is_what_failed_and_where_to_go(app: Flask, staff: FlaskClient) -> None:
    assert "No tasks yet" in page(staff, "/tasks")
    task_id = task_of(app, failing=2)
    before = page(staff, f"/tasks/{task_id}")
    assert 'max="4"' in before
    assert "Cancel" in before
    assert "Look at the shelf" not in before
    run(app)
    after = page(staff, f"/tasks/{task_id}")
    for text in ("3 labels hold.", "done, 1 failed", "laptop 2", "The label came off.", "Look at the shelf", "Repeat the 1 that failed"):
        assert text in after
    assert "Stick labels on" in page(staff, "/tasks")


def test_progress_is_told_to_programs(app: Flask, client: FlaskClient) -> None:
    task_id = task_of(app)
    headers = token(app, "staff")
    told = client.get(f"/api/tasks/{task_id}", headers=headers).get_json()
    assert (told["state"], told["total"], told["done"], told["title"]) == ("waiting", 4, 0, "Stick labels on")
    run(app)
    told = client.get(f"/api/tasks/{task_id}", headers=headers).get_json()
    assert (told["state"], told["done"], told["summary"]) == ("done", 4, "4 labels hold.")
    assert client.get("/api/tasks/999", headers=headers).get_json()["code"] == "task_not_found"


def test_a_task_is_cancelled_and_goes_on(app: Flask, staff: FlaskClient) -> None:
    task_id = task_of(app)
    form = {"csrf_token": csrf_token(staff, f"/tasks/{task_id}")}
    assert staff.post(f"/tasks/{task_id}/cancel", data=form, headers=PAGE).status_code == 303
    assert "cancelled" in page(staff, f"/tasks/{task_id}")
    assert staff.post(f"/tasks/{task_id}/cancel", data=form, headers=PAGE).status_code == 409
    run(app)
    assert "0 of 4" in page(staff, f"/tasks/{task_id}")
    assert staff.post(f"/tasks/{task_id}/resume", data=form, headers=PAGE).status_code == 303
    run(app)
    assert "4 of 4" in page(staff, f"/tasks/{task_id}")
    assert staff.post(f"/tasks/{task_id}/resume", data=form, headers=PAGE).status_code == 409


def test_who_might_not_have_started_it_neither_cancels_nor_resumes_it(app: Flask, staff: FlaskClient) -> None:
    task_id = task_of(app, permission=TagPermission.WEBHOOK)
    form = {"csrf_token": csrf_token(staff, "/me")}
    assert "Cancel" not in page(staff, f"/tasks/{task_id}")
    for what in ("cancel", "resume"):
        assert staff.post(f"/tasks/{task_id}/{what}", data=form, headers=PAGE).status_code == 403


def test_a_task_that_does_not_exist_is_not_found(staff: FlaskClient) -> None:
    assert staff.get("/tasks/4711", headers=PAGE).status_code == 404
