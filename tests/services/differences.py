"""A page of differences, as someone who is signed in uses it, and the progress of a comparison."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tasks.models import Task, TaskState
from tests.services import forms
from tests.services.apps import csrf_token, run_job, sign_in, user


class Steps:
    """Counts the progress of a comparison, in a transaction as a task does: none may be open when it is called."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def expect(self, total: int) -> None:
        with transaction():
            self.total = total

    def advance(self, steps: int) -> None:
        with transaction():
            self.done += steps


class DifferencesPage:
    """`address` is the page's, `role` that of the person, who is created for it."""

    def __init__(self, app: Flask, address: str, role: str) -> None:
        self.app, self.address = app, address
        self.client: FlaskClient = app.test_client()
        sign_in(self.client, user(app, role, f"{role}-of-differences"))

    def show(self, query: str = "") -> str:
        return forms.show(self.address, self.client, query)

    def press(self, label: str, query: str = "") -> str:
        """Presses the first button whose label starts so, and returns the page that follows."""
        return forms.press(self.address, self.client, label, query)

    def post(self, path: str, **form: str) -> tuple[int, str, str]:
        """Sends a form that the page may not have shown. Returns status, address that follows, and text."""
        data = {**form, "csrf_token": csrf_token(self.client, self.address)}
        answer = self.client.post(self.address + path, data=data, headers=forms.PAGE)
        return answer.status_code, answer.headers.get("Location", ""), answer.get_data(as_text=True)

    def run(self, job: str) -> int:
        return run_job(self.app, job)

    def compare(self) -> str:
        """Presses “Compare now” and returns the page after the comparison."""
        self.press("Compare now")
        self.run("run-tasks")
        assert (self.last_task().state, self.last_task().error) == (TaskState.DONE, None)
        return self.show()

    def last_task(self) -> Task:
        with self.app.app_context(), reading() as session:
            return session.scalars(select(Task).order_by(Task.id.desc()).limit(1)).one()
