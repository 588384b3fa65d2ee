"""The page of differences between holders, and of updates that failed."""

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.tasks.models import Task
from tests.functional.holders.conftest import Office
from tests.services.apps import token
from tests.services.differences import DifferencesPage
from tests.services.forms import PAGE, buttons

ADDRESS = "/students/differences"


@pytest.fixture
def page(app: Flask) -> DifferencesPage:
    return DifferencesPage(app, ADDRESS, "admin")


def assigned(office: Office, tag: str, student_id: str = "1001") -> int:
    """A device that is assigned to a student, with an asset that agrees. Returns the asset."""
    asset_id = office.asset(tag)
    office.device(tag)
    office.assign(tag, student_id)
    office.job("sync-holders")
    return asset_id


def test_each_kind_is_shown_and_resolved_by_its_button(office: Office, page: DifferencesPage) -> None:
    office.students(2)
    other, applied, renamed = (assigned(office, f"W12-000{number}") for number in (1, 2, 3))
    office.hold(other, "ms.lee")
    office.hold(applied, "1002")
    with office.app.app_context():
        asset_store().rename(renamed, "Ms Lee’s laptop <b>")
    office.device("W12-0004")
    unknown = office.asset("W12-0005", "1002", model="Latitude")
    text = page.compare()
    assert "“Ms Lee’s laptop &lt;b&gt;”" in text
    for title in ("Different holder", "Renamed", "Unknown device", "Missing"):
        assert f">{title} " in text
    for label, resolution, said in (
        ("Set the holder in", "W12-0001", "is being set to 1001."),
        ("Assign to Alan Turing here", "W12-0002", "W12-0002 is now assigned to Alan Turing."),
        (f"Rename #{renamed} to W12-0003 in", "W12-0003", f"#{renamed} is named W12-0003 in"),
        ("Retire W12-0004", "W12-0004", "W12-0004 is retired."),
        ("Add W12-0005, assigned to Alan Turing", f"asset #{unknown}", "W12-0005 is now a device, assigned to Alan Turing."),
    ):
        pressed = next(each for each in buttons(page.show()) if each.words.startswith(label) and each.words.endswith(f", {resolution}"))
        assert said in page.press(pressed.words)
    office.job("sync-holders")
    assert [office.holder(each) for each in (other, applied, renamed, unknown)] == ["1001", "1002", "1001", "1002"]
    assert "No differences." in page.compare()


def test_all_of_a_kind_are_resolved_together(office: Office, page: DifferencesPage) -> None:
    office.students(3)
    assets = [assigned(office, f"W12-000{number}") for number in range(1, 5)]
    for asset_id in assets[:3]:
        office.hold(asset_id, "1002")
    office.hold(assets[3], "ms.lee")
    page.compare()
    page.press("Apply 4 holders from")
    office.hold(assets[2], "1003")  # someone else was first
    office.job("run-tasks")
    with office.looking() as session:
        task = session.scalars(select(Task).where(Task.kind == "settle-holder-differences")).one()
        assert (task.title.split(" from")[0], task.state, task.done, task.failed) == ("Apply 4 holders", "done", 4, 0)
    assert [office.device_now(f"W12-000{number}").current_student_id for number in range(1, 5)] == ["1002", "1002", "1001", "1001"]
    office.job("sync-holders")
    page.press("Update 2 holders in")
    office.job("run-tasks")
    office.job("sync-holders")
    assert [office.holder(each) for each in assets] == ["1002", "1002", "1001", "1001"]
    assert "No differences." in page.show()


def test_only_those_who_may_override_get_the_options_that_do(app: Flask, office: Office, page: DifferencesPage) -> None:
    office.students(2)
    for number in (1, 2):
        office.hold(assigned(office, f"W12-000{number}"), "1002")
    page.compare()
    staff = DifferencesPage(app, ADDRESS, "staff")
    text = staff.show()
    assert "Set the holder in" in text
    assert "Assign to" not in text
    assert "Apply 2 holders" not in text
    for path in ("/1/resolve", "/resolve-all"):
        assert staff.post(path, resolution="taken", kind="holder")[0] == 403
    assert DifferencesPage(app, ADDRESS, "teacher").client.get(ADDRESS).status_code == 403


def test_failed_updates_are_shown_and_retried(office: Office, page: DifferencesPage) -> None:
    office.student("1001")
    office.device("W12-0001")
    office.assign("W12-0001", "1001")
    assert "1 device is pending." in page.show()
    assert office.job("sync-holders") == 0
    failed = "No asset is named W12-0001. Create the asset, or resolve it under Differences."
    assert failed in page.show()
    asset_id = office.asset("W12-0001")
    assert office.job("sync-holders") == 0  # it is not due yet
    assert "1 update is being retried." in page.press("Retry all")
    assert office.job("sync-holders") == 1
    assert office.holder(asset_id) == "1001"
    assert failed not in page.show()


def test_the_status_page_and_the_metrics_count_what_is_open(app: Flask, office: Office, page: DifferencesPage) -> None:
    admin = token(app, "admin")
    office.student("1001")
    office.device("W12-0001")
    office.assign("W12-0001", "1001")
    plain = app.test_client()
    numbers = plain.get("/metrics", headers=admin).get_data(as_text=True)
    assert "rtutils_holder_sync_pending 1.0" in numbers
    assert "rtutils_holder_sync_failing 0.0" in numbers
    office.job("sync-holders")
    office.asset("W12-0009", "ms.lee")
    page.compare()
    numbers = plain.get("/metrics", headers=admin).get_data(as_text=True)
    assert "rtutils_holder_sync_failing 1.0" in numbers
    assert "rtutils_holder_differences 2.0" in numbers
    assert "rtutils_repair_tickets_pending 0.0" in numbers
    status = plain.get("/admin", headers={**admin, **PAGE}).get_data(as_text=True)
    assert "1 device holder cannot be updated." in status
    assert "2 differences of device holders are open." in status
    assert "No asset is named W12-0001." in status
