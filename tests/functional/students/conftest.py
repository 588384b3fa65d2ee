"""A school, and somebody who asks the API about it."""

import pytest
from flask import Flask

from tests.services.asking import Ask, ask  # noqa: F401 — a fixture of this room
from tests.services.school import School


@pytest.fixture
def school(app: Flask) -> School:
    return School(app)
