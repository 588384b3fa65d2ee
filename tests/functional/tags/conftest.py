"""Calls of the webhook."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.services.apps import WEBHOOK_TOKEN

SECRET = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}


def call_webhook(client: FlaskClient, **body: object) -> TestResponse:
    return client.post("/webhook/asset-created", json=body, headers=SECRET)
