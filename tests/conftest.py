"""Every test of the database runs on SQLite and on a real PostgreSQL."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_admin.contrib.sqla import ModelView
from werkzeug.routing import Rule

from request_tracker_utils.accounts import passwords
from request_tracker_utils.core.db import db
from tests.services.apps import make_app, ready
from tests.services.chromium import browser  # noqa: F401 — a fixture for all
from tests.services.databases import PostgreSQL, SQLite
from tests.services.fixtures import request_tracker  # noqa: F401 — a fixture for all

# Slow hashing is what protects people's passwords; here it would be a good part of the time. Server processes keep their own.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

# Half of making an app is compiling what builds the addresses of its routes. They are the same in each app of these thousands.
_compiled: dict[tuple[str, ...], Any] = {}
_compile = Rule._compile_builder


def _compile_once(rule: Rule, append_unknown: bool = True) -> Any:
    same = (rule.rule, str(rule._trace), str(rule.defaults), str(append_unknown))
    if same not in _compiled:
        _compiled[same] = _compile(rule, append_unknown)
    return _compiled[same]


Rule._compile_builder = _compile_once  # type: ignore[method-assign]

# Most of the other half is what Flask-Admin finds out about each model.
_learned: dict[type, dict[str, Any]] = {}
_learn = ModelView._refresh_cache


def _learn_once(view: ModelView) -> None:
    if view.model not in _learned:
        before = dict(vars(view))
        _learn(view)
        _learned[view.model] = {name: value for name, value in vars(view).items() if before.get(name, _learned) is not value}
    vars(view).update(_learned[view.model])


ModelView._refresh_cache = _learn_once

# Apps are large and full of circles: looking for those that are gone after each few objects would be a third of the time.
gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> SQLite:
    return SQLite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    server = PostgreSQL(tmp_path_factory.mktemp("postgresql"))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty, migrated database of each kind."""
    with request.getfixturevalue(request.param).fresh() as url:
        yield url


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """An app with the embedded directory, ready for requests."""
    app = ready(make_app(tmp_path, database_url=database_url))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("not run")
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.line(f"{report.nodeid}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With REQUIRE_SERVICES=1 a test that could not run is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if (
        os.environ.get("REQUIRE_SERVICES") == "1"
        and reporter
        and reporter.stats.get("skipped")
        and session.exitstatus == pytest.ExitCode.OK
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
