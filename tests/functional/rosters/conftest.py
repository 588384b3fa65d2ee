"""A school, and people at browsers and terminals."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from tests.services.apps import sign_in, user
from tests.services.school import School
from tests.services.terminal import Terminal

Run = Callable[..., Result]


@pytest.fixture
def school(app: Flask) -> School:
    return School(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Of an administrator."""
    client = app.test_client()
    user(app, "admin", "ada")
    sign_in(client, "ada")
    return client


@pytest.fixture
def run(app: Flask, tmp_path: Path, database_url: str) -> Run:
    """`rtutils` with these arguments."""
    return Terminal(tmp_path, INSTANCE_PATH=str(tmp_path), DATABASE_URL=database_url).run
