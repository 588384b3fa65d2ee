"""A database that is read-only, and files that cannot be written, while a request is answered."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from request_tracker_utils import server
from request_tracker_utils.core import disk
from request_tracker_utils.core.db import db
from request_tracker_utils.web.auth import public
from tests.services.apps import WEBHOOK_TOKEN, make_app, ready, token
from tests.services.databases import PostgreSQL

HOOK = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}


@contextmanager
def read_only(app: Flask) -> Iterator[None]:
    """The PostgreSQL database for all connections from now on, as a standby is."""

    def set_to(value: str) -> None:
        with app.app_context(), db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            name = connection.execute(text("SELECT current_database()")).scalar_one()
            connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}'))
        with app.app_context():
            db.engine.dispose()

    set_to("on")
    try:
        yield
    finally:
        set_to("off")


def test_a_read_only_postgresql_server_can_be_read_and_says_why_nothing_is_saved(tmp_path: Path, postgresql: PostgreSQL) -> None:
    with postgresql.fresh() as url:
        app = ready(make_app(tmp_path, database_url=url))
        client, headers = app.test_client(), token(app, "staff")
        with read_only(app):
            refused = client.post("/webhook/asset-created", json={"asset_id": 1}, headers=HOOK)
            assert (refused.status_code, "database is read-only" in refused.text) == (503, True), refused.text
            # The use of the token is not recorded, nor is its address, nor what it may not do.
            assert client.get("/next-asset-tag", headers=headers).status_code == 200
            assert client.get("/metrics", headers=headers).status_code == 403
            assert client.get("/next-asset-tag", headers={"Authorization": "Bearer unknown"}).status_code == 401
        assert client.post("/webhook/asset-created", json={"asset_id": 1}, headers=HOOK).status_code == 200
        with app.app_context():
            db.engine.dispose()


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 503), (errno.EDQUOT, 503), (errno.EROFS, 503), (errno.ENOENT, 500)])
def test_a_file_that_cannot_be_written_is_told_with_the_reason_and_other_errors_are_faults(
    own_app: Flask, number: int, status: int
) -> None:
    @public("test")
    def fail() -> str:
        raise OSError(number, os.strerror(number), "/secret/path")

    own_app.add_url_rule("/fail", "fail", fail)
    answer = own_app.test_client().get("/fail")
    assert answer.status_code == status
    assert "/secret/path" not in answer.text


def test_a_worker_that_cannot_open_the_database_tries_again(monkeypatch: pytest.MonkeyPatch, own_app: Flask) -> None:
    errors: list[Exception] = [OperationalError("PRAGMA", None, Exception("unable to open")), OSError(errno.ENOSPC, "No space left")]

    def make_app() -> Flask:
        if errors:
            raise errors.pop()
        return own_app

    monkeypatch.setattr(server, "make_app", make_app)
    monkeypatch.setattr(server, "_exit_with", lambda _parent: None)
    monkeypatch.setattr(server, "RESTART_INTERVAL", 0.0)
    monkeypatch.setattr(server, "_watched", lambda app: app)
    assert server.make_worker() is own_app
    assert not errors


def test_without_any_folder_for_uploads_the_usual_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", find_none)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", "/full")
    assert (disk.temporary_folder(), tempfile.tempdir) == (Path("/full"), "/full")
