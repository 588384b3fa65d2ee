"""The scan station while answers are lost, the server or Request Tracker is down, and other stations do the same."""

import re

import pytest
from playwright.sync_api import Browser, Dialog, Route, expect

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.students import service
from tests.functional.assets.creation_page.scanning import Server
from tests.services.apps import PASSWORD
from tests.services.scan_station import current_student, entries, entry, idle, lose_answers, opened, says, scan
from tests.services.school import School

pytestmark = pytest.mark.chromium


def assigned(school: School) -> list[tuple[str | None, str]]:
    return [(log.student_id, log.asset_tag) for log in school.log()]


def test_scans_wait_while_the_server_is_down_and_are_processed_in_order(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "W12-0001")
        server.stop()
        scan(page, "W12-0002", "1002", "W12-0003", "F", "W12-0004", "1003", "5")
        says(page, "5", "Pending. It will be processed when the server is reachable again.")
        expect(page.locator("#said")).to_have_class("scan-said is-kept")
        expect(entries(page, "waiting")).to_have_count(7)
        expect(page.locator("#waiting")).to_have_text(re.compile("The server could not be reached. 7 scans are pending"))
        page.wait_for_timeout(1_500)  # so that a retry fails too
        server.start()
        says(page, "W12-0005")
        expect(page.locator("#waiting")).to_be_hidden()
        expect(entries(page, "failed")).to_have_count(2)  # the unknown code, and the device after it
    assert assigned(school) == [("1001", "W12-0001"), ("1001", "W12-0002"), ("1002", "W12-0003"), ("1003", "W12-0005")]


def test_a_reload_and_a_lost_session_lose_nothing(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "W12-0001")
        page.route("**/api/scan/*", lambda route: route.abort())
        dialogs: list[str] = []

        def accept(dialog: Dialog) -> None:
            dialogs.append(dialog.type)
            dialog.accept()

        page.on("dialog", accept)
        scan(page, "W12-0002", "1002", "W12-0003")
        page.reload()
        expect(entries(page, "waiting")).to_have_count(3)
        scan(page, "W12-0004")
        page.unroute("**/api/scan/*")
        page.reload()
        says(page, "W12-0004")
        scan(page, "W12-0005")
        says(page, "W12-0005")
        expect(current_student(page).get_by_role("listitem")).to_have_count(3)
        idle(page)
        page.reload()
        assert dialogs == ["beforeunload"] * 2  # only while scans were pending

        page.context.clear_cookies()
        scan(page, "W12-0006", "1003", "W12-0007")
        expect(page.locator("#signed-out")).to_be_visible()
        expect(entries(page, "waiting")).to_have_count(3)
        page.get_by_role("link", name="Sign in again").click()
        page.get_by_label("Name").fill("staff")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        says(page, "W12-0007")
    assert assigned(school) == [
        *(("1001", f"W12-000{number}") for number in (1, 2)),
        *(("1002", f"W12-000{number}") for number in (3, 4, 5, 6)),
        ("1003", "W12-0007"),
    ]


def test_a_scan_whose_answer_is_lost_is_processed_once(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "W12-0001")
        lost = lose_answers(page, "assign", 2)
        scan(page, "W12-0002", "W12-0003")
        says(page, "W12-0003", "Assigned to Grace Hopper (1001) with charger and case.")
        assert (lost, len(school.log())) == ([200, 200], 3)
        lost = lose_answers(page, "undo", 2)
        page.keyboard.press("Control+z")
        says(page, "W12-0003", "Undone. The device is available again.")
        assert (lost, len(school.log())) == ([200, 200], 4)
        lost = lose_answers(page, "return", 2)
        scan(page, "MODE:RETURN", "W12-0001")
        says(page, "W12-0001", "Returned by Grace Hopper (1001) with charger and case.")
        assert (lost, len(school.log())) == ([200, 200], 5)
        expect(entries(page, "failed")).to_have_count(0)


def test_two_stations_see_and_undo_each_others_changes(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as one, opened(browser, server, name="admin") as other:
        scan(one, "1001")
        scan(other, "1001")
        for page in (one, other):
            says(page, "Grace Hopper")
        scan(one, "W12-0001")
        expect(current_student(other).get_by_role("listitem")).to_contain_text(["W12-0001"], timeout=10_000)  # stale data is replaced
        expect(entry(other, "W12-0001")).to_contain_text("staff")
        entry(other, "W12-0001").get_by_role("button", name="Undo W12-0001").click()
        expect(entry(one, "W12-0001")).to_have_attribute("data-state", "undone", timeout=10_000)
        expect(current_student(one)).to_contain_text("No devices.")
        scan(other, "W12-0002")
        expect(entry(one, "W12-0002")).to_contain_text("admin", timeout=10_000)
        scan(one, "W12-0002")
        says(one, "W12-0002", "Grace Hopper already has W12-0002.")
        expect(one.locator("#list > li").filter(has_text="W12-0001")).to_have_count(1)

        # both scan the same devices: one gets each
        scan(one, "1003")
        scan(other, "1004")
        for number in range(5, 11):
            scan(one, f"W12-{number:04d}")
            scan(other, f"W12-{number:04d}")
        for page in (one, other):
            idle(page)
        assert entries(one, "failed").count() + entries(other, "failed").count() == 6
        tags = sorted(log.asset_tag for log in school.log() if log.student_id in ("1003", "1004"))
        assert tags == [f"W12-{number:04d}" for number in range(5, 11)]

        # a student who is deleted meanwhile is deselected
        scan(one, "1005")
        says(one, "Barbara Liskov")
        with school.writing() as session:
            service.delete(session, service.get(session, "1005"))
        expect(current_student(one)).to_be_hidden(timeout=10_000)
        scan(one, "W12-0012")
        says(one, "Failed", "Scan the student first, then W12-0012.")
    assert school.miscounted() == []


def test_errors_of_the_server_and_a_silent_request_tracker_do_not_delay_other_scans(
    browser: Browser, school: School, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> None:
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    methods = [name for name in vars(EmbeddedAssetStore) if not name.startswith("_") and name != "page_address"]
    with opened(browser, server) as page:
        scan(page, "1001")
        says(page, "Grace Hopper")
        failures: list[int] = []

        def fail_once(route: Route) -> None:
            if failures:
                route.continue_()
            else:
                failures.append(1)
                route.fulfill(status=500, json={"error": "Something went wrong."})

        page.route("**/api/scan/assign", fail_once)
        scan(page, "W12-0005", "W12-0001")
        says(page, "W12-0001")
        entry(page, "W12-0005").get_by_role("button", name="Retry").click()
        says(page, "W12-0005")
        with monkeypatch.context() as stopped:
            for name in methods:
                stopped.setattr(EmbeddedAssetStore, name, silent)
            scan(page, "W12-0002", "1002", "3", "MODE:RETURN", "W12-0001", "MODE:DAMAGED", "W12-0003", "MODE:ASSIGN", "1004")
            says(page, "Edsger Dijkstra")
        scan(page, "W12-0001")
        says(page, "W12-0001")
        expect(entries(page, "failed")).to_have_count(0)
    assert assigned(school)[:2] == [("1001", "W12-0001"), ("1001", "W12-0005")]
    assert [log.action for log in school.log()[2:]] == ["check_in"] * 2 + ["check_out"] * 2 + ["check_in"]
    assert school.device_now("W12-0003").rt_due_at is not None  # Request Tracker is updated later
