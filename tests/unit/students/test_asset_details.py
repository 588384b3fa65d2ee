"""Model, serial number and catalog of devices are copied from their assets."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.db import transaction
from request_tracker_utils.students.asset_details import BATCH, complete_devices
from request_tracker_utils.students.models import Device
from tests.services.asset_stores import FailingAssetStore
from tests.services.school import NOW, School


@pytest.fixture
def store(school: School) -> FailingAssetStore:
    return FailingAssetStore()


def complete(store: FailingAssetStore, now: datetime = NOW) -> int:
    return complete_devices(transaction, store, clock=lambda: now, stopping=lambda: False)


def details(school: School, tag: str) -> tuple[str | None, str | None, str, str, int | None]:
    device = school.device_now(tag)
    return device.serial_number, device.serial_key, device.model, device.catalog, device.asset_id


def test_devices_are_completed_from_their_assets(school: School, store: FailingAssetStore) -> None:
    first = store.asset("W12-0001", serial="5CD-Ä", model="Latitude", catalog="Chromebooks")
    second = store.asset("W12-0002", serial="SER2", catalog="Chromebooks")
    renamed = store.asset("renamed", serial="SER3", model="Other")
    for _copy in range(2):
        store.asset("W12-0004", model="Other")
    school.device("W12-0001", model="")
    school.device("W12-0002", model="Known here", asset_id=second)
    school.device("W12-0003", serial_number="KNOWN", asset_id=renamed)
    school.device("W12-0004")
    school.device("W12-0005", serial_number="KNOWN5")
    before = {tag: school.device_now(tag).updated_at for tag in ("W12-0001", "W12-0002")}
    assert complete(store) == 2
    assert details(school, "W12-0001") == ("5CD-Ä", "5cd-a", "Latitude", "Chromebooks", first)
    assert details(school, "W12-0002") == ("SER2", "ser2", "Known here", "Chromebooks", second)  # the asset has no model
    assert details(school, "W12-0003")[:3] == ("KNOWN", "known", "Chromebook 3100")
    assert details(school, "W12-0004") == (None, None, "Chromebook 3100", "", None)
    assert details(school, "W12-0005")[:3] == ("KNOWN5", "known5", "Chromebook 3100")
    # An import of these devices can still be undone: nobody has changed them.
    assert {tag: school.device_now(tag).updated_at for tag in before} == before


def test_each_device_is_read_once_a_day_and_follows_its_asset(school: School, store: FailingAssetStore) -> None:
    asset = store.asset("W12-0001", serial="SER1", model="Latitude")
    school.device("W12-0001", asset_id=asset)
    assert complete(store) == 1
    with transaction() as session:
        session.execute(update(EmbeddedAsset).values(serial="NEW1", model=""))
    store.calls.clear()
    assert complete(store, NOW + timedelta(hours=23)) == 0
    assert complete(store, NOW - timedelta(seconds=20)) == 0
    assert store.calls == []
    assert complete(store, NOW - timedelta(hours=3)) == 1  # the clock was set back
    with transaction() as session:
        session.execute(update(EmbeddedAsset).values(serial="NEW2"))
    store.calls.clear()
    assert complete(store, NOW + timedelta(hours=25)) == 1
    assert store.calls == ["get_many"]
    assert details(school, "W12-0001") == ("NEW2", "new2", "Latitude", "General assets", asset)


def test_devices_are_read_in_batches_and_again_after_an_outage(school: School, store: FailingAssetStore) -> None:
    many = BATCH + 20
    ids = [store.asset(f"W12-{number:04}", serial=f"SER{number}") for number in range(1, many + 1)]
    for number, asset_id in enumerate(ids, 1):
        school.device(f"W12-{number:04}", asset_id=asset_id)
    store.fails["get_many"] = AssetStoreUnreachable("down")
    with pytest.raises(AssetStoreUnreachable):
        complete(store)
    assert details(school, "W12-0001")[0] is None
    store.fails.clear()
    store.calls.clear()
    assert complete(store) == many
    assert store.calls == ["get_many"] * 2
    assert details(school, f"W12-{many:04}")[0] == f"SER{many}"


def test_an_asset_of_another_device_is_not_linked(school: School, store: FailingAssetStore) -> None:
    asset = store.asset("W12-0001", serial="SER1")
    school.device("W12-0001")
    school.device("W12-0002", asset_id=asset)
    with transaction() as session:
        session.execute(update(Device).where(Device.asset_tag == "W12-0002").values(asset_read_at=NOW))
    complete(store)
    assert details(school, "W12-0001")[4] is None
    assert details(school, "W12-0002")[4] == asset
