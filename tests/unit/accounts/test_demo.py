"""RUN_SEED_ON_START: demo accounts, in an empty installation only, and once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.accounts import links
from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading
from request_tracker_utils.preparation import seed
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import make_app, ready, user
from tests.services.stocking import delivered
from tests.services.tables import check_all

NAMES = ["demo-admin", "demo-staff", "demo-teacher", "demo-user"]


@pytest.fixture
def apps(database_url: str, tmp_path: Path) -> Iterator[list[Flask]]:
    """Four processes of one installation."""
    apps = [ready(make_app(tmp_path, database_url=database_url, run_seed_on_start="true", scheduler="false")) for _ in range(4)]
    yield apps
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def seeded(app: Flask) -> list[tuple[str, str]]:
    return seed(app, registry_of(app).settings)


def test_accounts_are_created_once_and_have_no_password(apps: list[Flask]) -> None:
    barrier = Barrier(len(apps))

    def start(app: Flask) -> list[tuple[str, str]]:
        barrier.wait(30)
        return seeded(app)

    with ThreadPoolExecutor(len(apps)) as pool:
        (created,) = [accounts for accounts in pool.map(start, apps) if accounts]
    assert [name for name, _link in created] == NAMES
    with apps[0].app_context(), reading() as session:
        users = session.scalars(select(User).order_by(User.name)).all()
        assert [(each.name, each.role, each.password_hash) for each in users] == [(name, name[5:], None) for name in NAMES]
        assert not links.setup_is_open(session)
        for name, link in created:
            assert links.user_of_password_key(session, link.rsplit("/", 1)[1], now=utc_now()).name == name
    assert seeded(apps[1]) == []


def test_nothing_is_created_over_data_or_unless_it_is_set(apps: list[Flask], tmp_path: Path, database_url: str) -> None:
    def refuses(name: str) -> None:
        assert seeded(others[name]) == []

    others = {
        "not set": make_app(tmp_path, database_url=database_url),
        "set to false": make_app(tmp_path, database_url=database_url, run_seed_on_start="false"),
        "with Request Tracker": make_app(
            tmp_path, database_url=database_url, run_seed_on_start="true", rt_url="http://127.0.0.1:9", rt_token="1-2-x"
        ),
    }
    check_all([(name,) for name in others], refuses)
    with apps[0].app_context():
        delivered(("Cat6", "100 ft", 5))
    assert seeded(apps[0]) == []
    with apps[0].app_context(), reading() as session:
        assert session.scalars(select(User)).all() == []


def test_an_installation_with_an_account_is_not_empty(apps: list[Flask]) -> None:
    user(apps[0], "user", "ada")
    assert seeded(apps[1]) == []
