from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tags import service as tags
from tests.services.apps import signed_in

CreateAsset = Callable[..., int]


@pytest.fixture
def staff(app: Flask) -> FlaskClient:
    return signed_in(app, "staff", "staff")


@pytest.fixture
def tagged(app: Flask) -> CreateAsset:
    """Creates an asset whose name is the next tag."""

    def create(**fields: str) -> int:
        with app.app_context():
            asset_id = asset_store().create(NewAsset("new", model=fields.pop("model", "iPad"), **fields))
            tag = tags.on_asset_created(transaction, asset_id=asset_id, asset_name=None, prefix="W12-", now=utc_now())
            assert tag is not None
            asset_store().rename(asset_id, tag.tag)
        return asset_id

    return create


@pytest.fixture
def untagged(app: Flask) -> CreateAsset:
    """Creates an asset without a tag."""

    def create(name: str = "an old laptop", **fields: str) -> int:
        with app.app_context():
            return asset_store().create(NewAsset(name, **fields))

    return create
