"""What tests of services share."""

from collections.abc import Iterator

import pytest
from flask import Flask


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    """The app, in its context."""
    with app.app_context():
        yield app
