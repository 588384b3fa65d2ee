"""Each difference is settled either way, if it still stands; nobody settles it twice."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, update

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.holders import comparison, differences
from request_tracker_utils.holders.holder_sync import Teller
from request_tracker_utils.holders.models import HolderDifference
from request_tracker_utils.holders.options import Choice, Way, choices
from request_tracker_utils.holders.people import students_of_users
from request_tracker_utils.holders.resolution import Settlement
from request_tracker_utils.reconciliation.errors import DifferenceChanged, DifferenceNotFound, DifferenceSettled
from request_tracker_utils.students.models import Device
from tests.services.asset_stores import silence
from tests.services.school import ADA, School
from tests.unit.holders.conftest import Holders
from tests.unit.holders.test_comparison import RULE, Steps, told

Make = Callable[..., Teller]


@pytest.fixture(autouse=True)
def some_students(school: School) -> None:
    school.students(2)


def compare(asset_store: Holders) -> int:
    return comparison.compare(transaction, asset_store, rule=RULE, actor=ADA, clock=utc_now, progress=Steps())


def settlement(asset_store: Holders) -> Settlement:
    return Settlement(transaction, asset_store, place="RT", rule=RULE, actor=ADA, clock=utc_now)


def the_one() -> Choice:
    with reading() as session:
        difference = session.scalars(select(HolderDifference).where(differences.RECORD.is_open)).one()
        return choices(session, [difference], place="RT", rule=RULE)[0]


def offered() -> dict[str, str]:
    return {offer.way: offer.words for offer in the_one().offers}


def settle(asset_store: Holders, way: Way) -> str:
    choice = the_one()
    return settlement(asset_store).settle(choice.difference.id, way, seal=choice.seal)


def logged(school: School, tag: str) -> list[tuple[str, str | None, str]]:
    return [(log.action, log.student_id, log.notes) for log in school.log(tag)]


def test_another_holder_there_is_told_ours(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "ms.lee")
    compare(asset_store)
    assert offered() == {"told": "Tell RT that student1001 has it", "left": "Leave it as it is"}
    assert settle(asset_store, Way.TELL) == "RT is told that student1001 has W12-0001."
    assert teller().tell_due() == 1
    assert asset_store.get(asset_id).holder == "student1001"
    assert compare(asset_store) == 0


def test_the_holder_there_becomes_the_holder_here(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "Student1002")
    compare(asset_store)
    assert offered()["taken"] == "Give it to Alan Turing here"
    assert settle(asset_store, Way.TAKE) == "W12-0001 is with Alan Turing now."
    assert school.device_now("W12-0001").current_student_id == "1002"
    assert logged(school, "W12-0001")[-1] == ("override", "1002", "As in RT: Student1002 has it there (before: 1001)")
    teller().tell_due()
    assert (compare(asset_store), school.miscounted()) == (0, [])


def test_what_nobody_has_there_is_taken_back_here(school: School, asset_store: Holders) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "")
    compare(asset_store)
    assert settle(asset_store, Way.TAKE) == "W12-0001 is with nobody now."
    device = school.device_now("W12-0001")
    assert (device.current_student_id, device.status) == (None, "available")


def test_a_renamed_asset_gets_its_name_back(school: School, asset_store: Holders) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.rename(asset_id, "scrap")
    compare(asset_store)
    assert settle(asset_store, Way.CALL_AGAIN) == f"#{asset_id} is called W12-0001 again in RT."
    assert asset_store.get(asset_id).name == "W12-0001"


def test_a_name_that_is_left_keeps_nobody_from_being_told(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.rename(asset_id, "cart 4, laptop 1")
    compare(asset_store)
    settle(asset_store, Way.LEAVE)
    school.return_device("W12-0001")
    assert teller().tell_due() == 1
    assert asset_store.get(asset_id).holder == ""
    assert compare(asset_store) == 0


def test_a_device_is_linked_with_the_asset_that_has_its_name_now(school: School, asset_store: Holders, teller: Make) -> None:
    """Two labels were exchanged in RT."""
    one, other = told(school, asset_store, "W12-0001", "1001"), told(school, asset_store, "W12-0002")
    for asset_id, name in ((one, "W12-0002"), (other, "W12-0001")):
        asset_store.rename(asset_id, name)
    assert compare(asset_store) == 2
    with reading() as session:
        first = session.scalars(select(HolderDifference).where(HolderDifference.asset_tag == "W12-0001")).one()
    assert settlement(asset_store).settle(first.id, Way.LINK) == f"W12-0001 is asset #{other} now."
    assert teller().tell_due() == 2
    assert (school.device_now("W12-0001").asset_id, school.device_now("W12-0002").asset_id) == (other, one)
    assert (asset_store.get(other).holder, asset_store.get(one).holder) == ("student1001", "")
    assert compare(asset_store) == 0


def test_an_asset_that_a_student_has_becomes_a_device(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = asset_store.asset("W12-0005", serial="SN5", model="Latitude")
    asset_store.set_holder(asset_id, "student1002")
    compare(asset_store)
    assert offered()["registered"] == "Register W12-0005 here, with Alan Turing"
    assert settle(asset_store, Way.REGISTER) == "W12-0005 is a device here now, with Alan Turing."
    device = school.device_now("W12-0005")
    assert (device.asset_id, device.serial_number, device.model, device.current_student_id) == (asset_id, "SN5", "Latitude", "1002")
    teller().tell_due()
    assert compare(asset_store) == 0


def test_an_asset_that_somebody_else_has_is_no_device_but_can_be_made_nobodys(school: School, asset_store: Holders) -> None:
    asset_id = asset_store.asset("W12-0005")
    asset_store.set_holder(asset_id, "ms.lee")
    compare(asset_store)
    assert set(offered()) == {"emptied", "left"}
    assert settle(asset_store, Way.EMPTY) == f"#{asset_id} is nobody’s in RT now."
    assert compare(asset_store) == 0


def test_what_is_missing_there_is_retired_or_found_by_its_serial_number(school: School, asset_store: Holders) -> None:
    school.device("W12-0001", serial_number="SN1")
    compare(asset_store)
    assert offered()["linked"] == "Look for an asset with the serial number SN1"
    with pytest.raises(DifferenceChanged, match="No other asset in RT can be W12-0001"):
        settle(asset_store, Way.LINK)
    asset_id = asset_store.asset("a laptop", serial="sn1")
    assert settle(asset_store, Way.LINK) == f"W12-0001 is asset #{asset_id} now."
    assert school.device_now("W12-0001").asset_id == asset_id
    with transaction() as session:
        session.execute(delete(EmbeddedAsset))
        session.execute(update(Device).values(rt_due_at=None))
    compare(asset_store)
    assert settle(asset_store, Way.RETIRE) == "W12-0001 is retired."
    assert school.device_now("W12-0001").status == "retired"
    assert compare(asset_store) == 0


def test_what_stands_otherwise_by_now_is_not_touched(school: School, asset_store: Holders) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "ms.lee")
    compare(asset_store)
    asset_store.set_holder(asset_id, "student1002")
    with pytest.raises(DifferenceChanged, match="here is how it stands now"):
        settle(asset_store, Way.TELL)
    assert the_one().difference.theirs == "student1002"
    asset_store.set_holder(asset_id, "student1001")
    with pytest.raises(DifferenceChanged, match="Nothing differs there any more"):
        settle(asset_store, Way.TELL)
    with reading() as session:
        assert session.scalars(select(HolderDifference.settlement)).all() == ["vanished"]


def test_a_button_of_an_older_page_does_nothing(school: School, asset_store: Holders) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.set_holder(asset_id, "student1002")
    compare(asset_store)
    shown = the_one()
    school.student("77", rt_user="student1002")  # now two students have this user
    with pytest.raises(DifferenceChanged, match="choose again"):
        settlement(asset_store).settle(shown.difference.id, Way.TAKE, seal=shown.seal)
    assert set(offered()) == {"told", "left"}


def test_a_silence_leaves_it_open(school: School, asset_store: Holders) -> None:
    asset_id = told(school, asset_store, "W12-0001", "1001")
    asset_store.rename(asset_id, "scrap")
    compare(asset_store)
    asset_store.fails["rename"] = silence()
    with pytest.raises(AssetStoreUnreachable):
        settle(asset_store, Way.CALL_AGAIN)
    assert the_one().difference.settled_at is None


def test_nobody_settles_it_twice_and_nobody_what_is_not_there(school: School, asset_store: Holders) -> None:
    told(school, asset_store, "W12-0001")
    asset_store.set_holder(1, "ms.lee")
    compare(asset_store)
    shown = the_one()
    settle(asset_store, Way.LEAVE)
    with pytest.raises(DifferenceSettled, match="ada was faster: W12-0001"):
        settlement(asset_store).settle(shown.difference.id, Way.LEAVE)
    with pytest.raises(DifferenceNotFound):
        settlement(asset_store).settle(4711, Way.LEAVE)


@pytest.mark.parametrize(
    ("rule", "name", "student_id"),
    [
        ("{student_id}", "1001", "1001"),
        ("s-{student_id}@school", "S-1001@SCHOOL", "1001"),
        ("{student_id}", "9999", None),
        ("{email}", "alan@school.example", "78"),
        ("{student_id}", "G.Hopper", "77"),
        ("{student_id}", "77", None),  # whose user is another one
        ("student{student_id}", "1001", None),
    ],
)
def test_users_are_known_by_what_is_entered_and_by_the_rule(school: School, rule: str, name: str, student_id: str | None) -> None:
    school.student("77", rt_user="g.hopper")
    school.student("78", email="Alan@school.example")
    with school.looking() as session:
        found = students_of_users(session, [name], rule)
        assert {each: student.student_id for each, student in found.items()} == ({name.lower(): student_id} if student_id else {})
