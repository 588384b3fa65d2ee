"""The pages of tasks."""

from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import Link, TaskKind, TaskKinds
from request_tracker_utils.tasks.models import TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import run_job
from tests.services.people import Person


def task_of(app: Flask, *, items: int = 4, failing: int = -1, permission: TagPermission = TagPermission.ASSIGN) -> int:
    def do(item: TaskItem) -> ItemResult:
        if item.position == failing:
            raise Invalid("The label came off.")
        return ItemResult(note="applied")

    def work(task: RunningTask) -> str:
        task.each(do, workers=2)
        return f"{task.done} labels applied."

    registry_of(app).get(TaskKinds).add(TaskKind("apply-labels", permission, work, lambda task: [Link("Show the shelf", "/assets")]))
    with app.app_context(), transaction() as session:
        new_items = [NewItem(f"laptop {number}") for number in range(items)]
        return service.start(session, "apply-labels", title="Apply labels", actor=Actor("ada"), now=utc_now(), items=new_items).id


def test_the_page_shows_progress_failed_items_and_where_to_continue(app: Flask, staff: Person) -> None:
    assert "No tasks yet" in staff.read("/tasks")
    task_id = task_of(app, failing=2)
    before = staff.read(f"/tasks/{task_id}")
    assert 'max="4"' in before
    assert "Cancel task" in before
    assert "Show the shelf" not in before
    run_job(app, "run-tasks")
    after = staff.read(f"/tasks/{task_id}")
    for text in ("3 labels applied.", "done, 1 failed", "laptop 2", "The label came off.", "Show the shelf", "Retry 1 failed item"):
        assert text in after
    assert "Apply labels" in staff.read("/tasks")


def test_the_api_shows_the_progress(app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
    task_id = task_of(app)
    shown = client.get(f"/api/tasks/{task_id}", headers=staff_token).get_json()
    assert (shown["state"], shown["total"], shown["done"], shown["title"]) == ("waiting", 4, 0, "Apply labels")
    run_job(app, "run-tasks")
    shown = client.get(f"/api/tasks/{task_id}", headers=staff_token).get_json()
    assert (shown["state"], shown["done"], shown["summary"]) == ("done", 4, "4 labels applied.")
    assert client.get("/api/tasks/999", headers=staff_token).get_json()["code"] == "task_not_found"


def test_a_task_is_cancelled_and_resumed(app: Flask, staff: Person) -> None:
    task_id = task_of(app)
    assert staff.submit(f"/tasks/{task_id}/cancel").status_code == 303
    assert "cancelled" in staff.read(f"/tasks/{task_id}")
    assert staff.submit(f"/tasks/{task_id}/cancel").status_code == 409
    run_job(app, "run-tasks")
    assert "0 of 4" in staff.read(f"/tasks/{task_id}")
    assert staff.submit(f"/tasks/{task_id}/resume").status_code == 303
    run_job(app, "run-tasks")
    assert "4 of 4" in staff.read(f"/tasks/{task_id}")
    assert staff.submit(f"/tasks/{task_id}/resume").status_code == 409


def test_only_those_who_may_start_it_cancel_or_resume_it(app: Flask, staff: Person) -> None:
    task_id = task_of(app, permission=TagPermission.WEBHOOK)
    assert "Cancel task" not in staff.read(f"/tasks/{task_id}")
    for what in ("cancel", "resume"):
        assert staff.submit(f"/tasks/{task_id}/{what}").status_code == 403


def test_a_task_that_does_not_exist_is_not_found(staff: Person) -> None:
    assert staff.get("/tasks/4711").status_code == 404
