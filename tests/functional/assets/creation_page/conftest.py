"""A server for each test, which can be stopped and started again."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.functional.assets.creation_page.scanning import Server


@pytest.fixture
def app(served_app: Flask) -> Flask:
    return served_app


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    running = Server(app)
    yield running
    running.stop()
