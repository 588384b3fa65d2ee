"""What differs between the directory and the devices is found, and nothing else."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.holders import comparison, differences
from request_tracker_utils.holders.models import HolderDifference
from request_tracker_utils.students import assignments, devices
from request_tracker_utils.students.models import Device
from tests.services.asset_stores import silence
from tests.services.school import ADA, School
from tests.unit.holders.conftest import Holders

RULE = "student{student_id}"


class Steps:
    """Writes down the progress as a task does: while no other transaction is open."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def expect(self, total: int) -> None:
        with transaction():
            self.total = total

    def advance(self, steps: int) -> None:
        with transaction():
            self.done += steps


@pytest.fixture(autouse=True)
def some_students(school: School) -> None:
    school.students(2)


def compare(asset_store: Holders, *, steps: Steps | None = None, now: datetime | None = None) -> int:
    clock = (lambda: now) if now else utc_now
    return comparison.compare(transaction, asset_store, rule=RULE, actor=ADA, clock=clock, progress=steps or Steps())


def told(school: School, asset_store: Holders, tag: str, student_id: str = "") -> int:
    """A device, assigned where a student is named, of which the directory has been told. Returns the asset."""
    asset_id = asset_store.asset(tag)
    school.device(tag, asset_id=asset_id)
    if student_id:
        school.assign(tag, student_id)
        asset_store.set_holder(asset_id, f"student{student_id}")
    with transaction() as session:
        session.execute(update(Device).where(Device.asset_tag == tag).values(rt_due_at=None))
    return asset_id


def found() -> set[tuple[str, str, int, str, str]]:
    with reading() as session:
        rows = session.scalars(select(HolderDifference).where(differences.RECORD.is_open))
        return {(row.kind, row.asset_tag, row.asset_id, row.ours, row.theirs) for row in rows}


def test_what_agrees_is_no_difference(school: School, asset_store: Holders) -> None:
    told(school, asset_store, "W12-0001", "1001")
    told(school, asset_store, "W12-0002")
    asset_store.asset("somebody’s projector")
    steps = Steps()
    assert compare(asset_store, steps=steps) == 0
    assert (steps.total, steps.done) == (2, 2)


def test_each_kind_is_found(school: School, asset_store: Holders) -> None:
    other, nobody, ours = (told(school, asset_store, f"W12-000{number}", "1001") for number in (1, 2, 3))
    asset_store.set_holder(other, "ms.lee")
    asset_store.set_holder(nobody, "")
    returned = told(school, asset_store, "W12-0004")
    asset_store.set_holder(returned, "student1002")
    renamed = told(school, asset_store, "W12-0005", "1001")
    asset_store.rename(renamed, "Ms Lee’s laptop")
    gone = told(school, asset_store, "W12-0006", "1002")
    with transaction() as session:
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id == gone))
    school.device("W12-0007")
    stranger = asset_store.asset("W12-0008")
    asset_store.set_holder(stranger, "student1002")
    assert compare(asset_store) == 7
    assert found() == {
        ("holder", "W12-0001", other, "student1001", "ms.lee"),
        ("holder", "W12-0002", nobody, "student1001", ""),
        ("holder", "W12-0004", returned, "", "student1002"),
        ("renamed", "W12-0005", renamed, "", ""),
        ("missing_there", "W12-0006", gone, "student1002", ""),
        ("missing_there", "W12-0007", 0, "", ""),
        ("unknown_here", "", stranger, "", "student1002"),
    }
    assert asset_store.get(ours).holder == "student1001"


def test_case_is_no_difference_and_neither_is_what_is_retired(school: School, asset_store: Holders) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.rename(asset_id, "w12-0001")
    asset_store.set_holder(asset_id, "STUDENT1001")
    school.device("W12-0002")
    with school.writing() as session:
        assignments.set_status(session, devices.get(session, "W12-0002", lock=True), "retired", actor=ADA, now=school.now())
    assert compare(asset_store) == 0


def test_a_device_that_is_linked_with_nothing_is_known_by_its_name(school: School, asset_store: Holders) -> None:
    asset_id = asset_store.asset("W12-0001")
    asset_store.set_holder(asset_id, "ms.lee")
    school.device("W12-0001")
    assert compare(asset_store) == 1
    assert found() == {("holder", "W12-0001", asset_id, "", "ms.lee")}


def test_what_is_still_to_be_told_is_no_difference_unless_it_cannot_be_told(school: School, asset_store: Holders) -> None:
    told(school, asset_store, "W12-0001", "1001")
    school.return_device("W12-0001")
    assert compare(asset_store) == 0
    with transaction() as session:
        session.execute(update(Device).values(rt_problem="It cannot be."))
    assert compare(asset_store) == 1


def test_what_was_told_since_the_directory_was_asked_is_newer_than_its_answer(school: School, asset_store: Holders) -> None:
    told(school, asset_store, "W12-0001", "1001")
    begun = utc_now()
    with transaction() as session:
        session.execute(update(Device).values(current_student_id="1002", rt_synced_at=begun + timedelta(seconds=1)))
    assert compare(asset_store, now=begun) == 0
    assert compare(asset_store, now=begun + timedelta(seconds=2)) == 1


def test_what_is_seen_no_more_has_vanished_and_what_breaks_off_forgets_nothing(school: School, asset_store: Holders) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "ms.lee")
    compare(asset_store)
    asset_store.set_holder(asset_id, "student1001")
    asset_store.fails["every_asset"] = silence()
    with pytest.raises(AssetStoreUnreachable):
        compare(asset_store)
    assert len(found()) == 1
    asset_store.fails.clear()
    assert compare(asset_store) == 0
    with reading() as session:
        assert session.scalars(select(HolderDifference.settlement)).all() == ["vanished"]
    asset_store.set_holder(asset_id, "ms.lee")
    assert compare(asset_store) == 1


def test_what_was_left_stays_so_until_something_changes(school: School, asset_store: Holders) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "ms.lee")
    compare(asset_store)
    with transaction() as session:
        difference_id = session.scalars(select(HolderDifference.id)).one()
        differences.RECORD.close(session, difference_id, "left", actor=ADA, now=utc_now())
    assert compare(asset_store) == 0
    with reading() as session:
        assert differences.RECORD.count_left(session) == 1
    asset_store.set_holder(asset_id, "mr.may")
    assert compare(asset_store) == 1


def test_a_thousand_devices_cost_a_request_a_hundred_assets(school: School, asset_store: Holders) -> None:
    now = utc_now()
    with transaction() as session:
        names = [f"W12-{number:04d}" for number in range(1, 1001)]
        session.add_all(EmbeddedAsset(name=name, created_at=now) for name in names)
        session.add_all(Device(asset_tag=name, tag_key=name.lower(), created_at=now, updated_at=now) for name in names[:990])
    assert compare(asset_store) == 0
    assert asset_store.calls == ["every_asset"]
