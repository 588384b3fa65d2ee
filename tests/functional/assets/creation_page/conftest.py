"""A server for each test, which can be stopped and started again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from request_tracker_utils.core.db import db
from tests.functional.assets.creation_page.scanning import Server
from tests.services.apps import make_app, ready, user


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = ready(make_app(tmp_path, app_url="http://utils.example.org"))
    user(app, "staff")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    running = Server(app)
    yield running
    running.stop()
