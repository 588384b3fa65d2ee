"""Each difference is settled either way, if it still stands; nobody settles it twice."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, update

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.differences.errors import DifferenceChanged, DifferenceNotFound, DifferenceSettled
from request_tracker_utils.directory.models import DirectoryAsset
from request_tracker_utils.directory.service import DirectoryUnreachable
from request_tracker_utils.holders import comparison, differences
from request_tracker_utils.holders.models import HolderDifference
from request_tracker_utils.holders.people import students_of_users
from request_tracker_utils.holders.settlement import Settlement
from request_tracker_utils.holders.telling import Teller
from request_tracker_utils.holders.ways import Choice, Way, choices
from request_tracker_utils.students.models import Device
from tests.services.directories import silence
from tests.services.school import ADA, School
from tests.unit.holders.conftest import Holders
from tests.unit.holders.test_comparison import RULE, Steps, told

Make = Callable[..., Teller]


@pytest.fixture(autouse=True)
def some_students(school: School) -> None:
    school.students(2)


def compare(directory: Holders) -> int:
    return comparison.compare(transaction, directory, rule=RULE, actor=ADA, clock=utc_now, progress=Steps())


def settlement(directory: Holders) -> Settlement:
    return Settlement(transaction, directory, place="RT", rule=RULE, actor=ADA, clock=utc_now)


def the_one() -> Choice:
    with reading() as session:
        difference = session.scalars(select(HolderDifference).where(differences.RECORD.is_open)).one()
        return choices(session, [difference], place="RT", rule=RULE)[0]


def offered() -> dict[str, str]:
    return {offer.way: offer.words for offer in the_one().offers}


def settle(directory: Holders, way: Way) -> str:
    choice = the_one()
    return settlement(directory).settle(choice.difference.id, way, seal=choice.seal)


def logged(school: School, tag: str) -> list[tuple[str, str | None, str]]:
    return [(log.action, log.student_id, log.notes) for log in school.log(tag)]


def test_another_holder_there_is_told_ours(school: School, directory: Holders, teller: Make) -> None:
    asset_id = told(school, directory, "W12-0001", "1001")
    directory.set_holder(asset_id, "ms.lee")
    compare(directory)
    assert offered() == {"told": "Tell RT that student1001 has it", "left": "Leave it as it is"}
    assert settle(directory, Way.TELL) == "RT is told that student1001 has W12-0001."
    assert teller().tell_due() == 1
    assert directory.get(asset_id).holder == "student1001"
    assert compare(directory) == 0


def test_the_holder_there_becomes_the_holder_here(school: School, directory: Holders, teller: Make) -> None:
    asset_id = told(school, directory, "W12-0001", "1001")
    directory.set_holder(asset_id, "Student1002")
    compare(directory)
    assert offered()["taken"] == "Give it to Alan Turing here"
    assert settle(directory, Way.TAKE) == "W12-0001 is with Alan Turing now."
    assert school.device_now("W12-0001").current_student_id == "1002"
    assert logged(school, "W12-0001")[-1] == ("override", "1002", "As in RT: Student1002 has it there (before: 1001)")
    teller().tell_due()
    assert (compare(directory), school.miscounted()) == (0, [])


def test_what_nobody_has_there_is_taken_back_here(school: School, directory: Holders) -> None:
    asset_id = told(school, directory, "W12-0001", "1001")
    directory.set_holder(asset_id, "")
    compare(directory)
    assert settle(directory, Way.TAKE) == "W12-0001 is with nobody now."
    device = school.device_now("W12-0001")
    assert (device.current_student_id, device.status) == (None, "available")


def test_a_renamed_asset_gets_its_name_back(school: School, directory: Holders) -> None:
    asset_id = told(school, directory, "W12-0001", "1001")
    directory.rename(asset_id, "scrap")
    compare(directory)
    assert settle(directory, Way.CALL_AGAIN) == f"#{asset_id} is called W12-0001 again in RT."
    assert directory.get(asset_id).name == "W12-0001"


def test_a_name_that_is_left_keeps_nobody_from_being_told(school: School, directory: Holders, teller: Make) -> None:
    asset_id = told(school, directory, "W12-0001", "1001")
    directory.rename(asset_id, "cart 4, laptop 1")
    compare(directory)
    settle(directory, Way.LEAVE)
    school.take_back("W12-0001")
    assert teller().tell_due() == 1
    assert directory.get(asset_id).holder == ""
    assert compare(directory) == 0


def test_a_device_is_linked_with_the_asset_that_has_its_name_now(school: School, directory: Holders, teller: Make) -> None:
    """Two labels were exchanged in RT."""
    one, other = told(school, directory, "W12-0001", "1001"), told(school, directory, "W12-0002")
    for asset_id, name in ((one, "W12-0002"), (other, "W12-0001")):
        directory.rename(asset_id, name)
    assert compare(directory) == 2
    with reading() as session:
        first = session.scalars(select(HolderDifference).where(HolderDifference.asset_tag == "W12-0001")).one()
    assert settlement(directory).settle(first.id, Way.LINK) == f"W12-0001 is asset #{other} now."
    assert teller().tell_due() == 2
    assert (school.device_now("W12-0001").asset_id, school.device_now("W12-0002").asset_id) == (other, one)
    assert (directory.get(other).holder, directory.get(one).holder) == ("student1001", "")
    assert compare(directory) == 0


def test_an_asset_that_a_student_has_becomes_a_device(school: School, directory: Holders, teller: Make) -> None:
    asset_id = directory.asset("W12-0005", serial="SN5", model="Latitude")
    directory.set_holder(asset_id, "student1002")
    compare(directory)
    assert offered()["registered"] == "Register W12-0005 here, with Alan Turing"
    assert settle(directory, Way.REGISTER) == "W12-0005 is a device here now, with Alan Turing."
    device = school.device_now("W12-0005")
    assert (device.asset_id, device.serial_number, device.model, device.current_student_id) == (asset_id, "SN5", "Latitude", "1002")
    teller().tell_due()
    assert compare(directory) == 0


def test_an_asset_that_somebody_else_has_is_no_device_but_can_be_made_nobodys(school: School, directory: Holders) -> None:
    asset_id = directory.asset("W12-0005")
    directory.set_holder(asset_id, "ms.lee")
    compare(directory)
    assert set(offered()) == {"emptied", "left"}
    assert settle(directory, Way.EMPTY) == f"#{asset_id} is nobody’s in RT now."
    assert compare(directory) == 0


def test_what_is_missing_there_is_retired_or_found_by_its_serial_number(school: School, directory: Holders) -> None:
    school.device("W12-0001", serial_number="SN1")
    compare(directory)
    assert offered()["linked"] == "Look for an asset with the serial number SN1"
    with pytest.raises(DifferenceChanged, match="No other asset in RT can be W12-0001"):
        settle(directory, Way.LINK)
    asset_id = directory.asset("a laptop", serial="sn1")
    assert settle(directory, Way.LINK) == f"W12-0001 is asset #{asset_id} now."
    assert school.device_now("W12-0001").asset_id == asset_id
    with transaction() as session:
        session.execute(delete(DirectoryAsset))
        session.execute(update(Device).values(rt_due_at=None))
    compare(directory)
    assert settle(directory, Way.RETIRE) == "W12-0001 is retired."
    assert school.device_now("W12-0001").status == "retired"
    assert compare(directory) == 0


def test_what_stands_otherwise_by_now_is_not_touched(school: School, directory: Holders) -> None:
    asset_id = told(school, directory, "W12-0001", "1001")
    directory.set_holder(asset_id, "ms.lee")
    compare(directory)
    directory.set_holder(asset_id, "student1002")
    with pytest.raises(DifferenceChanged, match="here is how it stands now"):
        settle(directory, Way.TELL)
    assert the_one().difference.theirs == "student1002"
    directory.set_holder(asset_id, "student1001")
    with pytest.raises(DifferenceChanged, match="Nothing differs there any more"):
        settle(directory, Way.TELL)
    with reading() as session:
        assert session.scalars(select(HolderDifference.settlement)).all() == ["vanished"]


def test_a_button_of_an_older_page_does_nothing(school: School, directory: Holders) -> None:
    asset_id = told(school, directory, "W12-0001", "1001")
    directory.set_holder(asset_id, "student1002")
    compare(directory)
    shown = the_one()
    school.student("77", rt_user="student1002")  # now two students have this user
    with pytest.raises(DifferenceChanged, match="choose again"):
        settlement(directory).settle(shown.difference.id, Way.TAKE, seal=shown.seal)
    assert set(offered()) == {"told", "left"}


def test_a_silence_leaves_it_open(school: School, directory: Holders) -> None:
    asset_id = told(school, directory, "W12-0001", "1001")
    directory.rename(asset_id, "scrap")
    compare(directory)
    directory.fails["rename"] = silence()
    with pytest.raises(DirectoryUnreachable):
        settle(directory, Way.CALL_AGAIN)
    assert the_one().difference.settled_at is None


def test_nobody_settles_it_twice_and_nobody_what_is_not_there(school: School, directory: Holders) -> None:
    told(school, directory, "W12-0001")
    directory.set_holder(1, "ms.lee")
    compare(directory)
    shown = the_one()
    settle(directory, Way.LEAVE)
    with pytest.raises(DifferenceSettled, match="ada was faster: W12-0001"):
        settlement(directory).settle(shown.difference.id, Way.LEAVE)
    with pytest.raises(DifferenceNotFound):
        settlement(directory).settle(4711, Way.LEAVE)


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
