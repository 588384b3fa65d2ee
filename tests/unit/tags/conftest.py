"""A database with an open sequence."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask

from request_tracker_utils.core.actor import Actor

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Actor("ada")


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app
