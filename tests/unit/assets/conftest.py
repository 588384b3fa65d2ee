"""An installation whose sequence is open, and a directory that keeps nothing apart."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.services.loose_directory import LooseDirectory
from tests.unit.assets.books import Office


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def office(inside: Flask) -> Office:
    return Office()


@pytest.fixture
def directory(office: Office) -> LooseDirectory:
    return office.directory
