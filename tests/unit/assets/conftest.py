"""An installation with an open sequence, and an asset store that allows duplicate names and serial numbers."""

import pytest
from flask import Flask

from tests.services.loose_asset_store import LooseAssetStore
from tests.unit.assets.installation import Installation


@pytest.fixture
def installation(inside: Flask) -> Installation:
    return Installation()


@pytest.fixture
def asset_store(installation: Installation) -> LooseAssetStore:
    return installation.asset_store
