"""A staff user in a browser."""

import pytest
from flask.testing import FlaskClient


@pytest.fixture
def client(staff: FlaskClient) -> FlaskClient:
    return staff
