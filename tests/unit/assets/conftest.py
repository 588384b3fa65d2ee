"""An installation whose sequence is open, and a directory that keeps nothing apart."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.services.loose_asset_store import LooseAssetStore
from tests.unit.assets.books import Office


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def office(inside: Flask) -> Office:
    return Office()


@pytest.fixture
def asset_store(office: Office) -> LooseAssetStore:
    return office.asset_store
