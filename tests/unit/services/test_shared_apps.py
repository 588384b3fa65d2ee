"""What one test does to the shared app and its database does not reach the next one."""

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from request_tracker_utils.accounts.models import User
from request_tracker_utils.asset_store.inspection import Inspection, inspect_embedded
from request_tracker_utils.core.db import db, reading
from request_tracker_utils.labels.print_history import PrintListeners
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import user
from tests.services.databases import DATABASES, PostgreSQL, SQLite
from tests.services.shared_apps import SharedApps


def test_configuration_routes_and_provided_instances_are_put_back(app: Flask, database_url: str, shared_apps: SharedApps) -> None:
    registry = registry_of(app)
    inspection, listeners, navigation = registry.get(Inspection), list(registry.get(PrintListeners)), list(registry.navigation)
    routes, hooks, secret_key = dict(app.view_functions), list(app.before_request_funcs[None]), app.secret_key

    app.secret_key = "another"
    app.view_functions["assets.search"] = lambda: "replaced"
    app.before_request_funcs[None].clear()
    registry.provide(Inspection, Inspection(inspect_embedded))
    registry.get(PrintListeners).clear()
    registry.navigation.clear()
    inspection.results.append(next(inspect_embedded()))

    assert shared_apps.on(database_url) is app
    assert (app.secret_key, app.view_functions, app.before_request_funcs[None]) == (secret_key, routes, hooks)
    assert (registry.get(Inspection), inspection.results) == (inspection, [])
    assert (registry.get(PrintListeners), registry.navigation) == (listeners, navigation)


def test_an_app_with_a_listener_left_on_its_engine_is_replaced(app: Flask, database_url: str, shared_apps: SharedApps) -> None:
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *_: None)
    assert shared_apps.on(database_url) is not app


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_is_emptied_and_counts_from_one_again(kind: str, request: pytest.FixtureRequest, shared_apps: SharedApps) -> None:
    server: SQLite | PostgreSQL = request.getfixturevalue(kind)
    urls = []
    for _ in range(2):
        with server.fresh() as url:
            app = shared_apps.on(url)
            user(app, "admin")
            with app.app_context(), reading() as session:
                assert session.scalars(select(User.id)).all() == [1]
            urls.append(url)
    assert urls[0] == urls[1]


@pytest.mark.parametrize("kind", DATABASES)
def test_what_a_test_leaves_open_keeps_no_database_from_being_emptied(
    kind: str, request: pytest.FixtureRequest, shared_apps: SharedApps
) -> None:
    server: SQLite | PostgreSQL = request.getfixturevalue(kind)
    with server.fresh() as url, shared_apps.on(url).app_context():
        left_open = db.engine.connect()
        left_open.execute(text("UPDATE tag_sequences SET next_number = 7"))
    with server.fresh() as url:
        app = shared_apps.on(url)
        user(app, "admin")
        with app.app_context(), reading() as session:
            assert session.scalars(select(User.name)).all() == ["admin"]
    left_open.invalidate()
