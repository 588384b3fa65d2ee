"""Devices that an undone import had created: Request Tracker forgets their students before they are deleted."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.holders.holder_sync import HolderSync
from request_tracker_utils.rosters.jobs import delete_undone_devices
from request_tracker_utils.rosters.models import UndoneDevice
from request_tracker_utils.students.asset_details import complete_devices
from request_tracker_utils.students.models import Device
from request_tracker_utils.tasks.models import TaskState
from tests.services.asset_stores import silence
from tests.services.rosters import DEVICES, csv, import_file, undo_import
from tests.services.school import School
from tests.unit.holders.conftest import Holders
from tests.unit.holders.test_holder_sync import holder, time_passes

Make = Callable[..., HolderSync]
HEADER = "Tag,Assigned To"


def tags() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Device.asset_tag).order_by(Device.tag_key)))


def marked() -> int:
    with reading() as session:
        return len(session.scalars(select(UndoneDevice.device_id)).all())


def undo(school: School) -> None:
    assert undo_import(DEVICES).state == TaskState.DONE
    assert school.miscounted() == []


def test_a_device_is_deleted_after_its_student_was_removed_from_the_asset(school: School, asset_store: Holders, sync: Make) -> None:
    school.student()
    assets = [asset_store.asset(tag) for tag in ("W12-0001", "W12-0002")]
    school.device("W12-0002")
    import_file(csv("W12-0001,1001", "W12-0002,1001", "W12-0003,1001", "W12-0004,", header=HEADER), DEVICES)
    sync().push_due()  # W12-0003 has no asset
    assert [holder(asset_store, each)[0] for each in assets] == ["student1001"] * 2
    undo(school)
    assert tags() == ["W12-0001", "W12-0002", "W12-0003"], "those whose students may be known there wait"
    assert {school.device_now(tag).current_student_id for tag in tags()} == {None}
    asset_store.fails["set_holder"] = silence()
    time_passes()
    with pytest.raises(AssetStoreUnreachable):
        sync().push_due()
    assert (delete_undone_devices(), marked()) == (1, 1), "an attempt has shown that W12-0003 has no asset"
    asset_store.fails.clear()
    time_passes()
    sync().push_due()
    assert [holder(asset_store, each)[0] for each in assets] == ["", ""]
    assert (delete_undone_devices(), tags(), marked(), school.miscounted()) == (1, ["W12-0002"], 0, [])


def test_a_device_that_is_used_again_is_not_deleted(school: School, asset_store: Holders, sync: Make) -> None:
    school.student()
    for number in range(1, 4):
        asset_store.asset(f"W12-000{number}")
    import_file(csv(*(f"W12-000{number},1001" for number in range(1, 4)), header=HEADER), DEVICES)
    sync().push_due()
    undo(school)
    school.assign("W12-0001", "1001")
    assert import_file(csv("W12-0002,", header=HEADER), DEVICES).unchanged == 1
    sync().push_due()
    assert (delete_undone_devices(), tags(), marked()) == (1, ["W12-0001", "W12-0002"], 0)
    assert school.device_now("W12-0001").current_student_id == "1001"


def test_a_device_that_was_never_pushed_is_deleted_at_once(school: School) -> None:
    school.student()
    import_file(csv("W12-0001,1001", header=HEADER), DEVICES)
    undo(school)
    assert (tags(), marked()) == ([], 0)


def test_details_that_were_copied_from_the_asset_store_do_not_prevent_the_undo(school: School, asset_store: Holders) -> None:
    for tag in ("W12-0001", "W12-0002"):
        asset_store.asset(tag, model="Latitude 3140")
    school.device("W12-0001", model="Old")
    import_file(csv("W12-0001,New", "W12-0002,New", header="Tag,Model"), DEVICES)

    def complete() -> int:
        return complete_devices(transaction, asset_store, clock=utc_now, stopping=lambda: False)

    assert complete() == 2
    model = school.device_now("W12-0001").model
    assert "Latitude 3140" in model
    undo(school)
    assert (tags(), school.device_now("W12-0001").model) == (["W12-0001"], "Old")
    assert (complete(), school.device_now("W12-0001").model) == (1, model), "the asset store is the source"
