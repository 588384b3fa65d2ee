"""The directory is told who has what: in the end it agrees, whatever happens on the way."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from request_tracker_utils.asset_store.service import AssetStoreBroken, AssetStoreConflict, AssetStoreRefused, AssetStoreUnreachable
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.holders import holder_sync
from request_tracker_utils.holders.holder_sync import Teller
from request_tracker_utils.holders.models import HolderDiscrepancy
from request_tracker_utils.students import service
from request_tracker_utils.students.models import Device
from request_tracker_utils.tags.models import Tag, TagState
from tests.services.asset_stores import silence
from tests.services.school import NOW, School
from tests.unit.holders.conftest import Holders

Make = Callable[..., Teller]


@pytest.fixture(autouse=True)
def some_students(school: School) -> None:
    school.students(3)


def lent(school: School, asset_store: Holders, tag: str = "W12-0001", student_id: str = "1001") -> int:
    """An asset whose device was given to the student. Returns its number."""
    asset_id = asset_store.asset(tag)
    school.device(tag)
    school.assign(tag, student_id)
    return asset_id


def holder(asset_store: Holders, asset_id: int) -> tuple[str, str]:
    asset = asset_store.get(asset_id)
    return asset.holder, asset.owner


def time_passes() -> None:
    """What is due later is due now."""
    with transaction() as session:
        session.execute(update(Device).where(Device.rt_due_at.is_not(None)).values(rt_due_at=NOW))


def test_an_assignment_and_its_return_are_told(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = lent(school, asset_store)
    assert teller().tell_due() == 1
    assert holder(asset_store, asset_id) == ("student1001", "student1001")
    device = school.device_now("W12-0001")
    assert (device.asset_id, device.rt_due_at, device.rt_problem, device.rt_attempts) == (asset_id, None, None, 0)
    assert device.rt_synced_at is not None
    assert teller().tell_due() == 0
    school.take_back("W12-0001")
    assert teller().tell_due() == 1
    assert holder(asset_store, asset_id) == ("", "")


def test_a_hundred_are_found_with_one_request_for_names_and_later_with_one_for_numbers(
    school: School, asset_store: Holders, teller: Make
) -> None:
    for number in range(1, 31):
        lent(school, asset_store, f"W12-{number:04d}")
    teller().tell_due()
    assert [call for call in asset_store.calls if call != "set_holder"] == ["find_by_names"]
    asset_store.calls.clear()
    for number in range(1, 31):
        school.take_back(f"W12-{number:04d}")
    teller().tell_due()
    assert [call for call in asset_store.calls if call != "set_holder"] == ["get_many"]


def test_what_the_directory_holds_already_is_not_written(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = lent(school, asset_store)
    asset_store.set_holder(asset_id, "Student1001")
    asset_store.told.clear()
    assert teller().tell_due() == 1
    assert asset_store.told == []


def test_the_users_name_is_entered_or_made_by_the_rule(school: School, asset_store: Holders, teller: Make) -> None:
    school.student("77", rt_user="g.hopper")
    school.student("78", email="alan@school.example")
    entered, by_mail = lent(school, asset_store, "W12-0001", "77"), lent(school, asset_store, "W12-0002", "78")
    teller(rule="{email}").tell_due()
    assert (holder(asset_store, entered)[0], holder(asset_store, by_mail)[0]) == ("g.hopper", "alan@school.example")


def test_a_student_without_a_user_is_a_problem_that_is_told_and_not_tried_every_minute(
    school: School, asset_store: Holders, teller: Make
) -> None:
    lent(school, asset_store)
    for minutes in (1, 3, 9, 27, 60, 60):
        now = utc_now()
        time_passes()
        assert teller(rule="{email}", now=now).tell_due() == 0
        device = school.device_now("W12-0001")
        assert device.rt_due_at == now + timedelta(minutes=minutes)
    assert device.rt_problem == "Grace Hopper (1001) has no e-mail address, which is the user’s name. Enter it, or the user itself."
    assert asset_store.told == []
    with school.writing() as session:
        service.change(session, service.get(session, "1001"), {"email": "grace@school.example"}, now=utc_now())
    assert teller(rule="{email}").tell_due() == 1
    assert school.device_now("W12-0001").rt_problem is None


def test_an_unknown_user_is_a_problem_of_this_device_alone(school: School, asset_store: Holders, teller: Make) -> None:
    asset_store.users = {"student1002"}
    lent(school, asset_store, "W12-0001", "1001")
    known = lent(school, asset_store, "W12-0002", "1002")
    assert teller().tell_due() == 1
    assert holder(asset_store, known)[0] == "student1002"
    assert "has no user 'student1001'. Make one there" in str(school.device_now("W12-0001").rt_problem)
    asset_store.users.add("student1001")
    time_passes()
    assert teller().tell_due() == 1


def test_no_asset_several_or_one_that_is_gone_are_problems_that_say_what_to_do(school: School, asset_store: Holders, teller: Make) -> None:
    school.device("W12-0001")
    school.device("W12-0002")
    school.device("W12-0003", asset_id=4711)
    twins = [asset_store.asset("W12-0002") for _ in range(2)]
    for number in (1, 2, 3):
        school.assign(f"W12-000{number}", "1001")
    assert teller().tell_due() == 0
    assert [school.device_now(f"W12-000{number}").rt_problem for number in (1, 2, 3)] == [
        "No asset is called W12-0001. Create it, or name its number at the device.",
        f"Several assets are called W12-0002: #{twins[0]}, #{twins[1]}. Rename all but one.",
        "Asset #4711 of W12-0003 is not in the directory, or is deleted there. Settle it under Differences.",
    ]


def test_a_renamed_asset_is_not_touched_until_somebody_leaves_its_name(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = lent(school, asset_store)
    teller().tell_due()
    asset_store.rename(asset_id, "Ms Lee’s laptop")
    school.take_back("W12-0001")
    assert teller().tell_due() == 0
    assert holder(asset_store, asset_id)[0] == "student1001"
    said = f"Asset #{asset_id} is called “Ms Lee’s laptop” now, and not W12-0001. Settle it under Differences."
    assert school.device_now("W12-0001").rt_problem == said
    left = {"settled_at": NOW, "settled_by": "ada", "settlement": "left", "found_at": NOW, "seen_at": NOW}
    with transaction() as session:
        session.add(HolderDiscrepancy(kind="renamed", asset_tag="W12-0001", asset_id=asset_id, asset_name="Ms Lee’s laptop", **left))
    time_passes()
    assert teller().tell_due() == 1
    assert holder(asset_store, asset_id)[0] == ""


def test_the_tag_leads_to_its_asset_and_the_case_of_the_name_is_no_matter(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = asset_store.asset("w12-0001")
    school.device("W12-0001")
    school.assign("W12-0001", "1001")
    with transaction() as session:
        session.add(
            Tag(tag="W12-0001", prefix="W12-", number=1, state=TagState.ASSIGNED, asset_id=asset_id, changed_at=NOW, confirmed_at=NOW)
        )
    assert teller().tell_due() == 1
    assert holder(asset_store, asset_id)[0] == "student1001"


def test_an_asset_that_is_another_devices_is_not_given_away(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = asset_store.asset("W12-0001")
    school.device("W12-0009", asset_id=asset_id)
    school.device("W12-0001")
    school.assign("W12-0001", "1001")
    assert teller().tell_due() == 0
    assert "belongs to W12-0009 here" in str(school.device_now("W12-0001").rt_problem)
    assert asset_store.told == []


@pytest.mark.parametrize("method", ["find_by_names", "set_holder"])
def test_a_silence_ends_the_run_and_everything_is_due_soon(school: School, asset_store: Holders, teller: Make, method: str) -> None:
    for number in range(1, 13):
        lent(school, asset_store, f"W12-{number:04d}")
    asset_store.fails[method] = silence()
    now = utc_now()
    with pytest.raises(AssetStoreUnreachable):
        teller(now=now).tell_due()
    devices = [school.device_now(f"W12-{number:04d}") for number in range(1, 13)]
    assert {(each.rt_due_at, each.rt_attempts, each.rt_problem) for each in devices} == {(now + holder_sync.SOON, 0, None)}
    assert asset_store.calls.count("set_holder") <= holder_sync.WORKERS
    asset_store.fails.clear()
    assert teller(now=now + holder_sync.SOON).tell_due() == 12


@pytest.mark.parametrize("error", [AssetStoreRefused("No."), AssetStoreBroken("Nonsense."), AssetStoreConflict("Not kept.")])
def test_a_refusal_is_noted_at_the_device_and_tried_again_later(
    school: School, asset_store: Holders, teller: Make, error: Exception
) -> None:
    lent(school, asset_store)
    asset_store.fails["set_holder"] = error
    assert teller().tell_due() == 0
    device = school.device_now("W12-0001")
    assert (device.rt_problem, device.rt_attempts) == (str(error), 1)
    asset_store.fails.clear()
    time_passes()
    assert teller().tell_due() == 1


def test_what_changes_while_it_is_told_is_told_again(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = lent(school, asset_store)

    def return_it(_asset_id: int, user: str) -> None:
        if user:
            school.take_back("W12-0001")

    asset_store.afterwards = return_it
    assert teller().tell_due() == 1
    assert asset_store.told == [(asset_id, "student1001"), (asset_id, "")]
    assert school.device_now("W12-0001").rt_due_at is None


def test_two_at_once_share_the_work_and_tell_each_once(school: School, asset_store: Holders, teller: Make) -> None:
    for number in range(1, 9):
        lent(school, asset_store, f"W12-{number:04d}")
    others: list[int] = []

    def another_run(_asset_id: int, _user: str) -> None:
        asset_store.before = lambda _asset_id, _user: None
        others.append(teller().tell_due())

    asset_store.before = another_run
    assert teller().tell_due() == 8
    assert (others, len(asset_store.told)) == ([0], 8)


def test_one_that_was_killed_is_told_again_after_its_lease(school: School, asset_store: Holders, teller: Make) -> None:
    asset_id = lent(school, asset_store)

    class Killed(BaseException):
        pass

    def kill(_asset_id: int, _user: str) -> None:
        raise Killed

    asset_store.afterwards = kill
    begun = utc_now()
    with pytest.raises(Killed):
        teller(now=begun).tell_due()
    asset_store.afterwards = lambda _asset_id, _user: None
    assert teller(now=begun + timedelta(minutes=1)).tell_due() == 0
    assert teller(now=begun + holder_sync.LEASE).tell_due() == 1
    assert (holder(asset_store, asset_id)[0], school.device_now("W12-0001").rt_due_at) == ("student1001", None)


def test_a_process_that_comes_back_late_does_not_have_the_last_word(school: School, asset_store: Holders, teller: Make) -> None:
    """It slept between its claim and its writing, while the device was returned and another process told of that."""
    asset_id = lent(school, asset_store)
    begun = utc_now()

    def meanwhile(_asset_id: int, _user: str) -> None:
        asset_store.before = lambda _asset_id, _user: None
        school.take_back("W12-0001")
        assert teller(now=begun + 2 * holder_sync.LEASE).tell_due() == 1

    asset_store.before = meanwhile
    teller(now=begun).tell_due()
    assert asset_store.told[-1] == (asset_id, "")
    assert (holder(asset_store, asset_id)[0], school.device_now("W12-0001").rt_due_at) == ("", None)


def test_a_device_that_is_linked_anew_meanwhile_keeps_its_new_link(school: School, asset_store: Holders, teller: Make) -> None:
    lent(school, asset_store)
    other = asset_store.asset("W12-0001")
    asset_store.rename(other, "spare")

    def link(_asset_id: int, _user: str) -> None:
        asset_store.afterwards = lambda _asset_id, _user: None
        with transaction() as session:
            session.execute(update(Device).values(asset_id=other))

    asset_store.afterwards = link
    teller().tell_due()
    assert school.device_now("W12-0001").asset_id == other


def test_a_process_that_ends_puts_down_what_it_has_not_begun(school: School, asset_store: Holders, teller: Make) -> None:
    for number in range(1, 21):
        lent(school, asset_store, f"W12-{number:04d}")
    ends: list[bool] = []
    asset_store.afterwards = lambda _asset_id, _user: ends.append(True)
    told = teller(stopping=lambda: bool(ends)).tell_due()
    assert 1 <= told <= 2 * holder_sync.WORKERS
    with school.looking() as session:
        assert holder_sync.waiting(session) == {"waiting": 20 - told, "problems": 0}


def test_what_has_a_problem_is_counted_listed_and_tried_again_when_asked(school: School, asset_store: Holders, teller: Make) -> None:
    lent(school, asset_store)
    asset_store.fails["set_holder"] = AssetStoreRefused("No.")
    teller().tell_due()
    with school.looking() as session:
        assert holder_sync.waiting(session) == {"waiting": 1, "problems": 1}
        assert [device.asset_tag for device in holder_sync.stumbled(session, limit=5)] == ["W12-0001"]
    asset_store.fails.clear()
    with school.writing() as session:
        assert holder_sync.try_again(session, now=utc_now()) == 1
    assert teller().tell_due() == 1
