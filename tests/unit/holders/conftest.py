"""A school, and an embedded asset store that fails on demand and calls a test's function in the middle of a call."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import pytest
from flask import Flask

from request_tracker_utils.asset_store.service import Asset, AssetStoreInvalid
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.holders.holder_sync import HolderSync
from request_tracker_utils.tasks.jobs import in_context_of_app
from tests.services.asset_stores import FailingAssetStore
from tests.services.school import School


class Holders(FailingAssetStore):
    """`users` are those that exist; `before` and `afterwards` are called with asset and user of each change; `pushed` lists them."""

    def __init__(self) -> None:
        super().__init__()
        self.users: set[str] | None = None
        self.before: Callable[[int, str], None] = lambda _asset_id, _user: None
        self.afterwards: Callable[[int, str], None] = lambda _asset_id, _user: None
        self.pushed: list[tuple[int, str]] = []

    def set_holder(self, asset_id: int, username: str) -> None:
        self.before(asset_id, username)
        self._call("set_holder")
        if self.users is not None and username and username not in self.users:
            raise AssetStoreInvalid(f"Request Tracker has no user '{username}'. Create the user, or check the name.")
        super().set_holder(asset_id, username)
        self.pushed.append((asset_id, username))
        self.afterwards(asset_id, username)

    def find_by_names(self, names: Iterable[str]) -> list[Asset]:
        self._call("find_by_names")
        return super().find_by_names(names)

    def every_asset(self) -> Iterator[list[Asset]]:
        self._call("every_asset")
        return super().every_asset()


@pytest.fixture
def school(app: Flask) -> Iterator[School]:
    with app.app_context():
        yield School(app)


@pytest.fixture
def asset_store(school: School) -> Holders:
    return Holders()


@pytest.fixture
def sync(asset_store: Holders) -> Callable[..., HolderSync]:
    """Creates what pushes to the asset store. With `now`, its clock does not advance."""

    def make(*, rule: str = "student{student_id}", now: datetime | None = None, stopping: Callable[[], bool] = lambda: False) -> HolderSync:
        clock = (lambda: now) if now else utc_now
        return HolderSync(transaction, asset_store, rule=rule, clock=clock, in_context=in_context_of_app(), stopping=stopping)

    return make
