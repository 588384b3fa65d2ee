"""A school, and people at browsers and terminals."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.services.apps import sign_in, user
from tests.services.school import School


@pytest.fixture
def school(app: Flask) -> School:
    return School(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Of an administrator."""
    client = app.test_client()
    user(app, "admin", "ada")
    sign_in(client, "ada")
    return client
