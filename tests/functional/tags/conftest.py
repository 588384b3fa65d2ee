"""People who use the pages of tags, and calls of the webhook."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.functional.accounts.person import Person
from tests.services.apps import WEBHOOK_TOKEN, user

SECRET = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}


@pytest.fixture
def admin(app: Flask) -> Person:
    return Person(app, user(app, "admin", "ada"))


@pytest.fixture
def staff(app: Flask) -> Person:
    return Person(app, user(app, "staff", "bob"))


def call_webhook(client: FlaskClient, **body: object) -> TestResponse:
    return client.post("/webhook/asset-created", json=body, headers=SECRET)
