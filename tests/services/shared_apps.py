"""One app for each database of a run, as good as new for each test."""

from pathlib import Path

from flask import Flask
from sqlalchemy import Engine, event

from request_tracker_utils.core import log
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, run_after_commit
from request_tracker_utils.preparation import prepare_rows
from request_tracker_utils.web.registry import registry_of
from tests.services.app_state import AppState
from tests.services.apps import make_app
from tests.services.databases import share

STATEMENT_EVENTS = ("before_cursor_execute", "after_cursor_execute", "before_execute", "after_execute", "begin", "commit", "rollback")


class SharedApp:
    """On a migrated database, which is emptied between tests."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.app = make_app(folder, database_url=database_url)
        with self.app.app_context():
            self._engine = db.engine
        event.listen(self._engine, "connect", lambda connection, _record: share(connection))
        self.app.test_client().get("/sign-in")  # from now on Flask refuses new routes, and what the first request makes is there
        self._state, self._listeners = AppState(self.app), _listeners(self._engine)

    def is_sound(self) -> bool:
        """False after a test that left something behind which `renew` does not undo."""
        return _listeners(self._engine) == self._listeners

    def renew(self) -> Flask:
        """The app as it is after a start."""
        self._state.restore()
        registry = registry_of(self.app)
        log.configure(registry.settings)
        run_after_commit(self._engine, registry.run_soon)
        registry.started_at = registry.jobs.started_at = utc_now()  # in a long run, jobs would be overdue otherwise
        if self._engine.dialect.name == "sqlite":
            # Rewriting the file counts as a change of its schema. On a connection that read the schema before, SQLite 3.40 answers “no such
            # table” to the first statement if it is the first one that uses a full-text table.
            self._engine.dispose()
        with self.app.app_context():
            prepare_rows()
        return self.app


class SharedApps:
    """`folder` is their instance path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apps: dict[str, SharedApp] = {}

    def on(self, database_url: str) -> Flask:
        """The app of this database, which must be empty."""
        shared = self._apps.get(database_url)
        if shared is None or not shared.is_sound():
            shared = self._apps[database_url] = SharedApp(self._folder, database_url)
        return shared.renew()

    def __contains__(self, app: object) -> bool:
        return any(shared.app is app for shared in self._apps.values())


def _listeners(engine: Engine) -> list[int]:
    return [len(getattr(engine.dispatch, name)) for name in STATEMENT_EVENTS]
