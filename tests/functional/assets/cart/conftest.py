"""A staff user in a browser."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.services.apps import sign_in, user


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    user(app, "staff", "ada")
    sign_in(client, "ada")
    return client
