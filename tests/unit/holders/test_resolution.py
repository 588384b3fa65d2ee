"""Options for each kind of holder discrepancy, and what each of them does."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, update

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.holders.holder_sync import HolderSync
from request_tracker_utils.holders.lookups import students_of_users
from request_tracker_utils.holders.models import HolderDiscrepancy
from request_tracker_utils.holders.options import Resolution
from request_tracker_utils.reconciliation.errors import DiscrepancyChanged
from request_tracker_utils.students.models import Device
from tests.services.asset_stores import silence
from tests.services.school import ADA, School
from tests.services.tables import check_all
from tests.unit.holders.conftest import Holders
from tests.unit.holders.reconciling import compare, entry, found, labels, only, reconciler, resolve, synced

Make = Callable[..., HolderSync]


@pytest.fixture(autouse=True)
def some_students(school: School) -> None:
    school.students(2)


class TestDifferentHolder:
    def test_the_holder_here_is_pushed(self, school: School, asset_store: Holders, sync: Make) -> None:
        asset_id = synced(school, asset_store, "W12-0001", "1001")
        asset_store.set_holder(asset_id, "ms.lee")
        compare(asset_store)
        assert labels(asset_store) == {"told": "Set the holder in RT to student1001", "left": "Ignore"}
        assert resolve(asset_store, Resolution.PUSH_HOLDER) == "The holder of W12-0001 in RT is being set to student1001."
        assert (sync().push_due(), asset_store.get(asset_id).holder) == (1, "student1001")
        assert compare(asset_store) == 0

    def test_the_holder_there_is_cleared(self, school: School, asset_store: Holders, sync: Make) -> None:
        asset_id = synced(school, asset_store, "W12-0001")
        asset_store.set_holder(asset_id, "ms.lee")
        compare(asset_store)
        assert labels(asset_store) == {"told": "Clear the holder in RT", "left": "Ignore"}
        assert resolve(asset_store, Resolution.PUSH_HOLDER) == "The holder of W12-0001 in RT is being cleared."
        assert (sync().push_due(), asset_store.get(asset_id).holder) == (1, "")

    def test_the_holder_there_is_applied_here(self, school: School, asset_store: Holders, sync: Make) -> None:
        asset_id = synced(school, asset_store, "W12-0001", "1001")
        asset_store.set_holder(asset_id, "Student1002")
        compare(asset_store)
        assert labels(asset_store)["taken"] == "Assign to Alan Turing here"
        assert resolve(asset_store, Resolution.APPLY_HOLDER) == "W12-0001 is now assigned to Alan Turing."
        assert school.device_now("W12-0001").current_student_id == "1002"
        log = school.log("W12-0001")[-1]
        assert (log.action, log.student_id) == ("override", "1002")
        assert log.notes.startswith("Holder in RT: Student1002")
        sync().push_due()
        assert (compare(asset_store), school.miscounted()) == (0, [])

    def test_a_device_without_a_holder_there_is_returned_here(self, school: School, asset_store: Holders) -> None:
        asset_id = synced(school, asset_store, "W12-0001", "1001")
        asset_store.set_holder(asset_id, "")
        compare(asset_store)
        assert labels(asset_store)["taken"] == "Return here"
        assert resolve(asset_store, Resolution.APPLY_HOLDER) == "W12-0001 was returned."
        device = school.device_now("W12-0001")
        assert (device.current_student_id, device.status) == (None, "available")

    def test_nothing_is_applied_if_the_device_or_the_student_has_changed(self, school: School, asset_store: Holders) -> None:
        asset_id = synced(school, asset_store, "W12-0001", "1001")
        asset_store.set_holder(asset_id, "student1002")
        compare(asset_store)
        before, recorded = entry(asset_store), only()

        def refused(message: str) -> None:
            with pytest.raises(DiscrepancyChanged, match=message):
                reconciler(asset_store).apply(recorded, Resolution.APPLY_HOLDER, actor=ADA)

        school.student("77", rt_user="student1002")  # now two students have this user
        refused("student1002 is not the user of a student")
        assert set(labels(asset_store)) == {"told", "left"}
        assert entry(asset_store).fingerprint != before.fingerprint
        school.return_device("W12-0001")
        refused("W12-0001 has been returned")
        school.assign("W12-0001", "1002")
        refused("W12-0001 has been assigned to Alan Turing")
        assert school.device_now("W12-0001").current_student_id == "1002"

    def test_a_student_without_a_user_has_no_holder_to_push(self, school: School, asset_store: Holders) -> None:
        school.student("78", email="")
        asset_id = synced(school, asset_store, "W12-0001", "78")
        asset_store.set_holder(asset_id, "ms.lee")
        of_email = reconciler(asset_store).__class__(**{**vars(reconciler(asset_store)), "rule": "{email}"})
        compare(asset_store)
        current = of_email.recheck(only(), now=only().found_at)
        assert current is not None
        assert (current.ours, current.student_id) == ("", "78")
        with reading() as session:
            assert [option.resolution for option in of_email.options(session, [current])[0].options] == [Resolution.IGNORE]


class TestRenamed:
    def test_the_asset_gets_its_tag_as_its_name_again(self, school: School, asset_store: Holders) -> None:
        asset_id = synced(school, asset_store, "W12-0001", "1001")
        asset_store.rename(asset_id, "scrap")
        compare(asset_store)
        asset_store.fails["rename"] = silence()
        with pytest.raises(AssetStoreUnreachable):
            resolve(asset_store, Resolution.RENAME_ASSET)
        asset_store.fails.clear()
        assert resolve(asset_store, Resolution.RENAME_ASSET) == f"#{asset_id} is named W12-0001 in RT again."
        assert asset_store.get(asset_id).name == "W12-0001"

    def test_the_holder_of_an_ignored_one_is_still_pushed(self, school: School, asset_store: Holders, sync: Make) -> None:
        asset_id = synced(school, asset_store, "W12-0001", "1001")
        asset_store.rename(asset_id, "cart 4, laptop 1")
        compare(asset_store)
        assert entry(asset_store).options[-1].effect == "The holder is still updated in RT."
        resolve(asset_store, Resolution.IGNORE)
        school.return_device("W12-0001")
        assert (sync().push_due(), asset_store.get(asset_id).holder) == (1, "")
        assert compare(asset_store) == 0

    def test_the_device_is_linked_to_the_asset_with_its_name(self, school: School, asset_store: Holders, sync: Make) -> None:
        """Two names were swapped in RT."""
        one, other = synced(school, asset_store, "W12-0001", "1001"), synced(school, asset_store, "W12-0002")
        for asset_id, name in ((one, "W12-0002"), (other, "W12-0001")):
            asset_store.rename(asset_id, name)
        assert compare(asset_store) == 2
        with reading() as session:
            first = session.scalars(select(HolderDiscrepancy).where(HolderDiscrepancy.asset_tag == "W12-0001")).one()
        assert resolve(asset_store, Resolution.LINK_ASSET, discrepancy_id=first.id) == f"W12-0001 is now linked to #{other}."
        assert sync().push_due() == 2
        assert (school.device_now("W12-0001").asset_id, school.device_now("W12-0002").asset_id) == (other, one)
        assert (asset_store.get(other).holder, asset_store.get(one).holder) == ("student1001", "")
        assert compare(asset_store) == 0


class TestUnknown:
    def test_an_asset_that_a_student_has_becomes_a_device(self, school: School, asset_store: Holders, sync: Make) -> None:
        asset_id = asset_store.asset("W12-0005", serial="SN5", model="Latitude")
        asset_store.set_holder(asset_id, "student1002")
        compare(asset_store)
        assert labels(asset_store)["registered"] == "Add W12-0005, assigned to Alan Turing"
        assert resolve(asset_store, Resolution.ADD_DEVICE) == "W12-0005 is now a device, assigned to Alan Turing."
        device = school.device_now("W12-0005")
        assert (device.asset_id, device.serial_number, device.model, device.current_student_id) == (asset_id, "SN5", "Latitude", "1002")
        sync().push_due()
        assert compare(asset_store) == 0

    def test_an_asset_is_added_only_if_its_name_can_be_a_tag(self, school: School, asset_store: Holders) -> None:
        asset_store.set_holder(asset_store.asset("Alan’s laptop, the old one / 7"), "student1002")
        compare(asset_store)
        assert set(labels(asset_store)) == {"emptied", "left"}

    def test_the_holder_of_an_asset_is_cleared(self, school: School, asset_store: Holders) -> None:
        asset_id = asset_store.asset("W12-0005")
        asset_store.set_holder(asset_id, "ms.lee")
        compare(asset_store)
        assert labels(asset_store) == {"emptied": f"Clear the holder of #{asset_id} in RT", "left": "Ignore"}
        assert resolve(asset_store, Resolution.CLEAR_HOLDER) == f"The holder of #{asset_id} in RT was cleared."
        assert compare(asset_store) == 0

    def test_an_ignored_one_stays_ignored(self, school: School, asset_store: Holders) -> None:
        asset_id = asset_store.asset("W12-0005")
        asset_store.set_holder(asset_id, "ms.lee")
        compare(asset_store)
        said = f"The difference of asset #{asset_id} is ignored until something changes."
        assert (resolve(asset_store, Resolution.IGNORE), compare(asset_store)) == (said, 0)


class TestMissing:
    def test_the_device_is_linked_to_the_asset_with_its_serial_number_or_retired(self, school: School, asset_store: Holders) -> None:
        school.device("W12-0001", serial_number="SN1")
        compare(asset_store)
        assert labels(asset_store)["linked"] == "Find an asset with the serial number SN1"
        with pytest.raises(DiscrepancyChanged, match="no other asset in RT matches W12-0001"):
            resolve(asset_store, Resolution.LINK_ASSET)
        asset_id = asset_store.asset("a laptop", serial="sn1")
        assert resolve(asset_store, Resolution.LINK_ASSET) == f"W12-0001 is now linked to #{asset_id}."
        assert school.device_now("W12-0001").asset_id == asset_id
        with transaction() as session:
            session.execute(delete(EmbeddedAsset))
            session.execute(update(Device).values(rt_due_at=None))
        compare(asset_store)
        assert resolve(asset_store, Resolution.RETIRE_DEVICE) == "W12-0001 is retired."
        device = school.device_now("W12-0001")
        assert (device.status, device.rt_due_at) == ("retired", None)
        assert compare(asset_store) == 0

    def test_an_assigned_device_is_returned_before_it_is_retired(self, school: School, asset_store: Holders) -> None:
        school.device("W12-0001")
        school.assign("W12-0001", "1001")
        with transaction() as session:
            session.execute(update(Device).values(rt_due_at=None))
        compare(asset_store)
        assert [(option.label, option.effect) for option in entry(asset_store).options] == [
            ("Retire W12-0001", "The device is returned first."),
            ("Ignore", ""),
        ]
        resolve(asset_store, Resolution.RETIRE_DEVICE)
        device = school.device_now("W12-0001")
        assert (device.current_student_id, device.status, found()) == (None, "retired", set())


def test_a_recheck_sees_the_current_holder(school: School, asset_store: Holders) -> None:
    asset_id = synced(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "ms.lee")
    compare(asset_store)
    for holder, message in (("student1002", "has changed in the meantime"), ("student1001", "already matches")):
        asset_store.set_holder(asset_id, holder)
        with pytest.raises(DiscrepancyChanged, match=message):
            resolve(asset_store, Resolution.PUSH_HOLDER)
    assert found() == set()


def test_users_are_those_of_students_by_entry_or_by_rule(school: School) -> None:
    school.student("77", rt_user="g.hopper")
    school.student("78", email="Alan@school.example")

    def check(rule: str, name: str, student_id: str | None) -> None:
        with school.looking() as session:
            found = students_of_users(session, [name], rule)
        assert {each: student.student_id for each, student in found.items()} == ({name.lower(): student_id} if student_id else {})

    check_all(
        [
            ("{student_id}", "1001", "1001"),
            ("s-{student_id}@school", "S-1001@SCHOOL", "1001"),
            ("{student_id}", "9999", None),
            ("{email}", "alan@school.example", "78"),
            ("{student_id}", "G.Hopper", "77"),
            ("{student_id}", "77", None),  # another user is entered for this student
            ("student{student_id}", "1001", None),
        ],
        check,
    )
