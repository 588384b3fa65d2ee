"""An empty school, and people at browsers and terminals."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.services.apps import signed_in
from tests.services.school import school  # noqa: F401 — a fixture
from tests.services.terminal import run  # noqa: F401 — a fixture


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Of an administrator."""
    return signed_in(app, "admin")
