"""A page of differences, as someone who is signed in uses it."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from request_tracker_utils.core import jobs
from request_tracker_utils.core.db import reading
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.web.registry import registry_of
from tests.services import forms
from tests.services.apps import csrf_token, sign_in, user


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
        with self.app.app_context():
            return jobs.run(registry_of(self.app).jobs.named(job))

    def compare(self) -> str:
        """Presses “Compare now” and returns the page after the comparison."""
        self.press("Compare now")
        self.run("run-tasks")
        assert (self.last_task().state, self.last_task().error) == (TaskState.DONE, None)
        return self.show()

    def last_task(self) -> Task:
        with self.app.app_context(), reading() as session:
            return session.scalars(select(Task).order_by(Task.id.desc()).limit(1)).one()
