"""Pushing the holders of devices: the asset store finally agrees, regardless of failures."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from request_tracker_utils.asset_store.service import (
    AssetNotFound,
    AssetStoreBroken,
    AssetStoreConflict,
    AssetStoreRefused,
    AssetStoreUnreachable,
)
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.outbox import LEASE, UNREACHABLE
from request_tracker_utils.holders.holder_sync import HolderSync
from request_tracker_utils.holders.models import HolderDiscrepancy
from request_tracker_utils.students import service
from request_tracker_utils.students.models import HOLDER_SYNC, Device
from request_tracker_utils.tags.models import Tag, TagState
from tests.services.asset_stores import silence
from tests.services.school import NOW, School
from tests.unit.holders.conftest import Holders

Make = Callable[..., HolderSync]


@pytest.fixture(autouse=True)
def some_students(school: School) -> None:
    school.students(3)


def assigned(school: School, asset_store: Holders, tag: str = "W12-0001", student_id: str = "1001") -> int:
    """An asset whose device was assigned to the student. Returns its number."""
    asset_id = asset_store.asset(tag)
    school.device(tag)
    school.assign(tag, student_id)
    return asset_id


def holder(asset_store: Holders, asset_id: int) -> tuple[str, str]:
    asset = asset_store.get(asset_id)
    return asset.holder, asset.owner


def time_passes() -> None:
    """Makes due now what is due later."""
    with transaction() as session:
        session.execute(update(Device).where(Device.rt_due_at.is_not(None)).values(rt_due_at=NOW))


def test_an_assignment_and_its_return_are_pushed(school: School, asset_store: Holders, sync: Make) -> None:
    asset_id = assigned(school, asset_store)
    assert sync().push_due() == 1
    assert holder(asset_store, asset_id) == ("student1001", "student1001")
    device = school.device_now("W12-0001")
    assert (device.asset_id, device.rt_due_at, device.rt_problem, device.rt_attempts) == (asset_id, None, None, 0)
    assert device.rt_synced_at is not None
    assert sync().push_due() == 0
    school.return_device("W12-0001")
    assert sync().push_due() == 1
    assert holder(asset_store, asset_id) == ("", "")


def test_many_assets_are_found_with_one_request_by_name_and_later_by_number(school: School, asset_store: Holders, sync: Make) -> None:
    for number in range(1, 31):
        assigned(school, asset_store, f"W12-{number:04d}")
    sync().push_due()
    assert [call for call in asset_store.calls if call != "set_holder"] == ["find_by_names"]
    asset_store.calls.clear()
    for number in range(1, 31):
        school.return_device(f"W12-{number:04d}")
    sync().push_due()
    assert [call for call in asset_store.calls if call != "set_holder"] == ["get_many"]


def test_an_asset_with_the_right_holder_is_not_changed(school: School, asset_store: Holders, sync: Make) -> None:
    asset_id = assigned(school, asset_store)
    asset_store.set_holder(asset_id, "Student1001")
    asset_store.pushed.clear()
    assert sync().push_due() == 1
    assert asset_store.pushed == []


def test_the_users_name_is_entered_or_follows_the_rule(school: School, asset_store: Holders, sync: Make) -> None:
    school.student("77", rt_user="g.hopper")
    school.student("78", email="alan@school.example")
    entered, by_mail = assigned(school, asset_store, "W12-0001", "77"), assigned(school, asset_store, "W12-0002", "78")
    sync(rule="{email}").push_due()
    assert (holder(asset_store, entered)[0], holder(asset_store, by_mail)[0]) == ("g.hopper", "alan@school.example")


def test_a_student_without_a_user_is_a_problem_that_is_retried_with_back_off(school: School, asset_store: Holders, sync: Make) -> None:
    assigned(school, asset_store)
    for seconds in (5, 15, 45, 135, 405, 1215, 3600, 3600):
        now = utc_now()
        time_passes()
        assert sync(rule="{email}", now=now).push_due() == 0
        device = school.device_now("W12-0001")
        assert device.rt_due_at == now + timedelta(seconds=seconds)
    assert (
        device.rt_problem == "Grace Hopper (1001) has no email address, which is needed for the user name in Request Tracker. "
        "Add the address or the user to the student."
    )
    assert asset_store.pushed == []
    with school.writing() as session:
        service.change(session, service.get(session, "1001"), {"email": "grace@school.example"}, now=utc_now())
    assert sync(rule="{email}").push_due() == 1
    assert school.device_now("W12-0001").rt_problem is None


def test_an_unknown_user_is_a_problem_of_this_device_only(school: School, asset_store: Holders, sync: Make) -> None:
    asset_store.users = {"student1002"}
    assigned(school, asset_store, "W12-0001", "1001")
    known = assigned(school, asset_store, "W12-0002", "1002")
    assert sync().push_due() == 1
    assert holder(asset_store, known)[0] == "student1002"
    assert "has no user 'student1001'. Create the user" in str(school.device_now("W12-0001").rt_problem)
    asset_store.users.add("student1001")
    time_passes()
    assert sync().push_due() == 1


def test_missing_ambiguous_and_deleted_assets_are_problems_that_say_what_to_do(school: School, asset_store: Holders, sync: Make) -> None:
    school.device("W12-0001")
    school.device("W12-0002")
    school.device("W12-0003", asset_id=4711)
    duplicates = [asset_store.asset("W12-0002") for _ in range(2)]
    for number in (1, 2, 3):
        school.assign(f"W12-000{number}", "1001")
    assert sync().push_due() == 0
    assert [school.device_now(f"W12-000{number}").rt_problem for number in (1, 2, 3)] == [
        "No asset is named W12-0001. Create the asset, or resolve it under Differences.",
        f"Several assets have the name W12-0002: #{duplicates[0]}, #{duplicates[1]}. Rename all but one.",
        "Asset #4711 of W12-0003 does not exist, or is deleted. Resolve it under Differences.",
    ]


def test_an_asset_that_is_deleted_in_the_meantime_is_a_problem(school: School, asset_store: Holders, sync: Make) -> None:
    asset_id = assigned(school, asset_store)
    asset_store.fails["set_holder"] = AssetNotFound("No such asset.")
    assert sync().push_due() == 0
    assert school.device_now("W12-0001").rt_problem == f"Asset #{asset_id} of W12-0001 was deleted. Resolve it under Differences."


def test_a_renamed_asset_is_not_changed_until_its_name_is_ignored(school: School, asset_store: Holders, sync: Make) -> None:
    asset_id = assigned(school, asset_store)
    sync().push_due()
    asset_store.rename(asset_id, "Ms Lee’s laptop")
    school.return_device("W12-0001")
    assert sync().push_due() == 0
    assert holder(asset_store, asset_id)[0] == "student1001"
    problem = f"Asset #{asset_id} is now named “Ms Lee’s laptop”, not W12-0001. Resolve it under Differences."
    assert school.device_now("W12-0001").rt_problem == problem
    ignored = {"settled_at": NOW, "settled_by": "ada", "settlement": "left", "found_at": NOW, "seen_at": NOW}
    with transaction() as session:
        session.add(HolderDiscrepancy(kind="renamed", asset_tag="W12-0001", asset_id=asset_id, asset_name="Ms Lee’s laptop", **ignored))
    time_passes()
    assert sync().push_due() == 1
    assert holder(asset_store, asset_id)[0] == ""


def test_an_asset_is_found_by_its_tag_and_the_case_of_its_name_does_not_matter(school: School, asset_store: Holders, sync: Make) -> None:
    asset_id = asset_store.asset("w12-0001")
    school.device("W12-0001")
    school.assign("W12-0001", "1001")
    with transaction() as session:
        session.add(
            Tag(tag="W12-0001", prefix="W12-", number=1, state=TagState.ASSIGNED, asset_id=asset_id, changed_at=NOW, confirmed_at=NOW)
        )
    assert sync().push_due() == 1
    assert holder(asset_store, asset_id)[0] == "student1001"


def test_the_asset_of_another_device_is_not_changed(school: School, asset_store: Holders, sync: Make) -> None:
    asset_id = asset_store.asset("W12-0001")
    school.device("W12-0009", asset_id=asset_id)
    school.device("W12-0001")
    school.assign("W12-0001", "1001")
    assert sync().push_due() == 0
    assert "belongs to W12-0009 here" in str(school.device_now("W12-0001").rt_problem)
    assert asset_store.pushed == []


def test_an_asset_that_is_linked_to_another_device_in_the_meantime_is_a_problem(school: School, asset_store: Holders, sync: Make) -> None:
    asset_id = assigned(school, asset_store)
    school.device("W12-0009")

    def link_other(_asset_id: int, _user: str) -> None:
        with transaction() as session:
            session.execute(update(Device).where(Device.asset_tag == "W12-0009").values(asset_id=asset_id))

    asset_store.afterwards = link_other
    assert sync().push_due() == 0
    problem = f"Asset #{asset_id} also belongs to another device. Correct the asset ID of one of them."
    assert (school.device_now("W12-0001").rt_problem, school.device_now("W12-0001").asset_id) == (problem, None)


@pytest.mark.parametrize("method", ["find_by_names", "set_holder"])
def test_an_unreachable_asset_store_ends_the_run_and_everything_is_due_soon(
    school: School, asset_store: Holders, sync: Make, method: str
) -> None:
    for number in range(1, 13):
        assigned(school, asset_store, f"W12-{number:04d}")
    asset_store.fails[method] = silence()
    now = utc_now()
    with pytest.raises(AssetStoreUnreachable):
        sync(now=now).push_due()
    devices = [school.device_now(f"W12-{number:04d}") for number in range(1, 13)]
    assert {(each.rt_due_at, each.rt_attempts, each.rt_problem) for each in devices} == {(now + UNREACHABLE, 0, None)}
    assert asset_store.calls.count("set_holder") <= asset_store.workers()
    asset_store.fails.clear()
    assert sync(now=now + UNREACHABLE).push_due() == 12


@pytest.mark.parametrize("method", ["find_by_names", "set_holder"])
def test_a_refusal_is_recorded_at_the_device_and_retried_later(school: School, asset_store: Holders, sync: Make, method: str) -> None:
    assigned(school, asset_store)
    for attempts, error in enumerate((AssetStoreRefused("No."), AssetStoreBroken("Nonsense."), AssetStoreConflict("Not kept.")), 1):
        asset_store.fails[method] = error
        time_passes()
        if method == "set_holder":
            assert sync().push_due() == 0
        else:
            with pytest.raises(type(error)):
                sync().push_due()
        device = school.device_now("W12-0001")
        assert (device.rt_problem, device.rt_attempts) == (str(error), attempts)
    asset_store.fails.clear()
    time_passes()
    assert sync().push_due() == 1


def test_a_change_during_a_push_is_pushed_too(school: School, asset_store: Holders, sync: Make) -> None:
    asset_id = assigned(school, asset_store)

    def return_it(_asset_id: int, user: str) -> None:
        if user:
            school.return_device("W12-0001")

    asset_store.afterwards = return_it
    assert sync().push_due() == 1
    assert asset_store.pushed == [(asset_id, "student1001"), (asset_id, "")]
    assert school.device_now("W12-0001").rt_due_at is None


def test_two_concurrent_runs_share_the_work(school: School, asset_store: Holders, sync: Make) -> None:
    for number in range(1, 9):
        assigned(school, asset_store, f"W12-{number:04d}")
    others: list[int] = []

    def another_run(_asset_id: int, _user: str) -> None:
        asset_store.before = lambda _asset_id, _user: None
        others.append(sync().push_due())

    asset_store.before = another_run
    assert sync().push_due() == 8
    assert (others, len(asset_store.pushed)) == ([0], 8)


def test_after_its_process_was_killed_a_device_is_pushed_again_once_the_lease_ends(
    school: School, asset_store: Holders, sync: Make
) -> None:
    asset_id = assigned(school, asset_store)

    class Killed(BaseException):
        pass

    def kill(_asset_id: int, _user: str) -> None:
        raise Killed

    asset_store.afterwards = kill
    begun = utc_now()
    with pytest.raises(Killed):
        sync(now=begun).push_due()
    asset_store.afterwards = lambda _asset_id, _user: None
    assert sync(now=begun + timedelta(minutes=1)).push_due() == 0
    assert sync(now=begun + LEASE).push_due() == 1
    assert (holder(asset_store, asset_id)[0], school.device_now("W12-0001").rt_due_at) == ("student1001", None)


@pytest.mark.parametrize("error", [None, silence(), AssetStoreRefused("No.")], ids=["written", "unreachable", "refused"])
def test_a_process_that_finishes_late_overwrites_nothing(school: School, asset_store: Holders, sync: Make, error: Exception | None) -> None:
    """It pauses between its claim and its write, while the device is returned and another process pushes that."""
    asset_id = assigned(school, asset_store)
    begun = utc_now()

    def meanwhile(_asset_id: int, _user: str) -> None:
        asset_store.before = lambda _asset_id, _user: None
        school.return_device("W12-0001")
        assert sync(now=begun + 2 * LEASE).push_due() == 1
        if error is not None:
            asset_store.fails["set_holder"] = error

    asset_store.before = meanwhile
    if isinstance(error, AssetStoreUnreachable):
        with pytest.raises(AssetStoreUnreachable):
            sync(now=begun).push_due()
        assert school.device_now("W12-0001").rt_due_at == begun, "nobody knows what the asset store has: it is asked again"
    sync(now=begun).push_due()
    assert (holder(asset_store, asset_id)[0], school.device_now("W12-0001").rt_due_at) == ("", None)


def test_a_new_link_of_a_device_is_not_overwritten(school: School, asset_store: Holders, sync: Make) -> None:
    assigned(school, asset_store)
    other = asset_store.asset("W12-0001")
    asset_store.rename(other, "spare")

    def link(_asset_id: int, _user: str) -> None:
        asset_store.afterwards = lambda _asset_id, _user: None
        with transaction() as session:
            session.execute(update(Device).values(asset_id=other))

    asset_store.afterwards = link
    sync().push_due()
    assert school.device_now("W12-0001").asset_id == other


def test_a_process_that_shuts_down_puts_back_what_it_has_not_started(school: School, asset_store: Holders, sync: Make) -> None:
    for number in range(1, 21):
        assigned(school, asset_store, f"W12-{number:04d}")
    ends: list[bool] = []
    asset_store.afterwards = lambda _asset_id, _user: ends.append(True)
    pushed = sync(stopping=lambda: bool(ends)).push_due()
    assert 1 <= pushed <= 2 * asset_store.workers()
    with school.looking() as session:
        assert HOLDER_SYNC.counts(session) == {"pending": 20 - pushed, "failing": 0, "failed": 0}


def test_failing_devices_are_counted_listed_and_retried_on_request(school: School, asset_store: Holders, sync: Make) -> None:
    assigned(school, asset_store)
    asset_store.fails["set_holder"] = AssetStoreRefused("No.")
    sync().push_due()
    with school.looking() as session:
        assert HOLDER_SYNC.counts(session) == {"pending": 1, "failing": 1, "failed": 0}
        assert [device.asset_tag for device in HOLDER_SYNC.failing(session, limit=5)] == ["W12-0001"]
    asset_store.fails.clear()
    with school.writing() as session:
        assert HOLDER_SYNC.retry(session, now=utc_now()) == 1
    assert sync().push_due() == 1
