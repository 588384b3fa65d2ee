"""A school with nobody in it yet."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.services.school import School


@pytest.fixture
def school(app: Flask) -> Iterator[School]:
    with app.app_context():
        yield School(app)
