"""What all tests share: databases, one app for each of them, a browser and a Request Tracker. See docs/testing.md."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.accounts import passwords
from request_tracker_utils.core import durability, health
from tests.services.apps import close_apps, make_app, ready
from tests.services.chromium import browser  # noqa: F401 — a fixture for all
from tests.services.databases import DATABASES, PostgreSQL, SQLite
from tests.services.fixtures import request_tracker  # noqa: F401 — a fixture for all
from tests.services.people import admin, admin_token, staff, staff_token  # noqa: F401 — fixtures for all
from tests.services.shared_apps import SharedApps
from tests.services.terminal import run  # noqa: F401 — a fixture for all

pytest_plugins = ["tests.services.timings", "tests.services.selection"]

# Slow hashing protects people's passwords; here it would be a good part of the time. Server processes keep their own.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

# These databases need not outlive a power failure. Server processes sync theirs.
durability._sync_file = lambda _descriptor: None
health.unsafe_settings = lambda _connection: []

# Apps are large and full of reference cycles: collecting after each few objects would be a third of the time.
gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> SQLite:
    return SQLite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    server = PostgreSQL(tmp_path_factory.mktemp("postgresql"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_apps(tmp_path_factory: pytest.TempPathFactory) -> SharedApps:
    return SharedApps(tmp_path_factory.mktemp("app"))


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, shared_apps: SharedApps) -> Iterator[str]:
    """The address of an empty, migrated database of each kind. Apps that the test makes are closed after it."""
    with request.getfixturevalue(request.param).fresh() as url:
        yield url
        close_apps(but=shared_apps)


@pytest.fixture
def app(database_url: str, shared_apps: SharedApps) -> Flask:
    """An app with the embedded asset store, ready for requests. Tests share it, and it is as good as new for each: they may change its
    configuration and what its registry provides. For more routes take `own_app`; for other settings `ready(make_app(tmp_path, …))`.
    """
    return shared_apps.on(database_url)


@pytest.fixture
def own_app(database_url: str, tmp_path: Path) -> Flask:
    """An app of the test's own, to which it may add routes. Its data are in `tmp_path`."""
    return ready(make_app(tmp_path, database_url=database_url))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def pytest_collection_finish() -> None:
    """What is loaded by now stays: collections need not look at it."""
    gc.collect()
    gc.freeze()


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
