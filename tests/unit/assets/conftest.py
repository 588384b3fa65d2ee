"""An installation with an open sequence, and an asset store that allows duplicate names and serial numbers."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.services.loose_asset_store import LooseAssetStore
from tests.unit.assets.installation import Installation


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def installation(inside: Flask) -> Installation:
    return Installation()


@pytest.fixture
def asset_store(installation: Installation) -> LooseAssetStore:
    return installation.asset_store
