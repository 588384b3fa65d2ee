"""Comparing holders: everything that differs between devices and assets is found, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.students import assignments, devices
from request_tracker_utils.students.models import Device
from tests.services.asset_stores import silence
from tests.services.school import ADA, School
from tests.unit.holders.conftest import Holders
from tests.unit.holders.reconciling import Steps, compare, found, synced


@pytest.fixture(autouse=True)
def some_students(school: School) -> None:
    school.students(2)


def test_finds_each_kind_of_discrepancy_and_nothing_else(school: School, asset_store: Holders) -> None:
    other, nobody, same = (synced(school, asset_store, f"W12-000{number}", "1001") for number in (1, 2, 3))
    asset_store.set_holder(other, "ms.lee")
    asset_store.set_holder(nobody, "")
    returned = synced(school, asset_store, "W12-0004")
    asset_store.set_holder(returned, "student1002")
    renamed = synced(school, asset_store, "W12-0005", "1001")
    asset_store.rename(renamed, "Ms Lee’s laptop")
    gone = synced(school, asset_store, "W12-0006", "1002")
    with transaction() as session:
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id == gone))
    school.device("W12-0007")
    unknown = asset_store.asset("W12-0008")
    asset_store.set_holder(unknown, "student1002")
    unlinked = asset_store.asset("W12-0009")  # the device is known by its tag
    asset_store.set_holder(unlinked, "ms.lee")
    school.device("W12-0009")
    lower_case = synced(school, asset_store, "W12-0010", "1001")
    asset_store.rename(lower_case, "w12-0010")
    asset_store.set_holder(lower_case, "STUDENT1001")
    school.device("W12-0011")
    with school.writing() as session:
        assignments.set_status(session, devices.get(session, "W12-0011", lock=True), "retired", actor=ADA, now=school.now())
    synced(school, asset_store, "W12-0012")
    asset_store.asset("a projector without a holder")
    steps = Steps()
    assert compare(asset_store, steps=steps) == 8
    assert found() == {
        ("holder", "W12-0001", other, "student1001", "ms.lee"),
        ("holder", "W12-0002", nobody, "student1001", ""),
        ("holder", "W12-0004", returned, "", "student1002"),
        ("renamed", "W12-0005", renamed, "", ""),
        ("missing_there", "W12-0006", gone, "student1002", ""),
        ("missing_there", "W12-0007", 0, "", ""),
        ("unknown_here", "", unknown, "", "student1002"),
        ("holder", "W12-0009", unlinked, "", "ms.lee"),
    }
    assert asset_store.get(same).holder == "student1001"
    assert (steps.total, steps.done) == (11, 11)


def test_a_pending_device_is_not_a_discrepancy_unless_its_update_failed(school: School, asset_store: Holders) -> None:
    synced(school, asset_store, "W12-0001", "1001")
    school.return_device("W12-0001")
    assert compare(asset_store) == 0
    with transaction() as session:
        session.execute(update(Device).values(rt_problem="It cannot be."))
    assert compare(asset_store) == 1


def test_a_holder_that_was_pushed_after_the_comparison_started_is_newer_than_what_it_read(school: School, asset_store: Holders) -> None:
    synced(school, asset_store, "W12-0001", "1001")
    started = utc_now()
    with transaction() as session:
        session.execute(update(Device).values(current_student_id="1002", rt_synced_at=started + timedelta(seconds=1)))
    assert compare(asset_store, now=started) == 0
    assert compare(asset_store, now=started + timedelta(seconds=2)) == 1


def test_an_asset_store_that_does_not_answer_ends_the_comparison(school: School, asset_store: Holders) -> None:
    asset_id = synced(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "ms.lee")
    compare(asset_store)
    asset_store.set_holder(asset_id, "student1001")
    asset_store.fails["every_asset"] = silence()
    with pytest.raises(AssetStoreUnreachable):
        compare(asset_store)
    assert len(found()) == 1


def test_a_thousand_devices_need_one_request_per_hundred_assets(school: School, asset_store: Holders) -> None:
    now = utc_now()
    with transaction() as session:
        names = [f"W12-{number:04d}" for number in range(1, 1001)]
        session.add_all(EmbeddedAsset(name=name, created_at=now) for name in names)
        session.add_all(Device(asset_tag=name, tag_key=name.lower(), created_at=now, updated_at=now) for name in names[:990])
    assert compare(asset_store) == 0
    assert asset_store.calls == ["every_asset"]
