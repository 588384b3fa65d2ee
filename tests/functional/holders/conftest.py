"""A school, its embedded asset store, and a client of the API."""

import pytest
from flask import Flask

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from tests.services.apps import run_job
from tests.services.asking import Ask, ask  # noqa: F401 — a fixture of this room
from tests.services.school import School


class Office(School):
    def asset(self, name: str, holder: str = "", **more: str) -> int:
        """In the asset store."""
        with self.app.app_context():
            asset_id = asset_store().create(NewAsset(name, **more))
            if holder:
                asset_store().set_holder(asset_id, holder)
            return asset_id

    def hold(self, asset_id: int, holder: str) -> None:
        """Changes the holder in the asset store, as a person there would."""
        with self.app.app_context():
            asset_store().set_holder(asset_id, holder)

    def holder(self, asset_id: int) -> str:
        with self.app.app_context():
            return asset_store().get(asset_id).holder

    def job(self, name: str) -> int:
        return run_job(self.app, name)


@pytest.fixture
def office(app: Flask) -> Office:
    return Office(app)
