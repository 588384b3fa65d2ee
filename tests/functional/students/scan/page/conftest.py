"""A server that each test may stop and start again, and a school."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.functional.assets.creation_page.scanning import Server
from tests.services.apps import user
from tests.services.databases import SQLite
from tests.services.school import School


@pytest.fixture
def database_url(sqlite: SQLite) -> Iterator[str]:
    """The page does not depend on the database, and SQLite is the faster one."""
    with sqlite.fresh() as url:
        yield url


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    for role in ("staff", "admin", "teacher"):
        user(app, role)
    running = Server(app)
    yield running
    running.stop()


@pytest.fixture
def school(app: Flask) -> School:
    """Six students in a homeroom, and twelve devices."""
    school = School(app)
    school.students(6, homeroom="B12")
    school.devices(12)
    return school
