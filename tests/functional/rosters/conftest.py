"""A school, and people at browsers and terminals."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.cli import main
from tests.services.house import sign_in, user
from tests.services.school import School

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
def run(app: Flask, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`rtutils` with these arguments."""
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LOG_LEVEL", "WARNING")

    def run(*arguments: str, typed: str | bytes = "") -> Result:
        return CliRunner().invoke(main, arguments, input=typed)

    return run
