"""A staff user in a browser, and assets that exist in the asset store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core.db import db
from tests.services.apps import make_app, ready, signed_in, user

Existing = Callable[..., int]


@pytest.fixture
def staff(app: Flask) -> FlaskClient:
    return signed_in(app, "staff")


@pytest.fixture
def served_app(tmp_path: Path) -> Iterator[Flask]:
    """An app with its own database and a staff user, for a server and a browser."""
    app = ready(make_app(tmp_path, app_url="http://utils.example.org"))
    user(app, "staff")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def existing(app: Flask) -> Existing:
    """Adds an asset by name, with its other fields by keyword; returns its id."""

    def add(name: str, *, holder: str = "", **fields: str) -> int:
        with app.app_context():
            asset_id = asset_store().create(NewAsset(name, **fields))
            if holder:
                asset_store().set_holder(asset_id, holder)
            return asset_id

    return add
