"""A school, and a client of its API."""

import pytest
from flask import Flask

from tests.services.asking import Ask, ask  # noqa: F401 — a fixture
from tests.services.school import School


@pytest.fixture
def school(app: Flask) -> School:
    return School(app)
