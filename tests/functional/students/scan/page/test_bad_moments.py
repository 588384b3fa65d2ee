"""The station while answers are lost, the server is away, Request Tracker is stopped, or somebody at the next table does the same."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.students import service
from tests.functional.assets.creation_page.scanning import Server
from tests.functional.students.scan.page.scanning import at_table, idle, line, lines, lose_answers, opened, says, scan
from tests.services.apps import PASSWORD
from tests.services.school import School

pytestmark = pytest.mark.chromium


@pytest.fixture
def school(app: Flask) -> School:
    school = School(app)
    school.students(6)
    school.devices(12)
    return school


def given(school: School) -> list[tuple[str | None, str]]:
    return [(log.student_id, log.asset_tag) for log in school.log()]


def test_scans_wait_while_the_server_is_away_and_are_done_in_order(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "W12-0001")
        server.stop()
        scan(page, "W12-0002", "1002", "W12-0003", "F", "W12-0004", "1003", "5")
        says(page, "5", "Pending. It will be processed when the server is reachable.")
        expect(page.locator("#said")).to_have_class("scan-said is-kept")
        expect(lines(page, "waiting")).to_have_count(7)
        expect(page.locator("#waiting")).to_have_text(re.compile("The server is not reachable. 7 scans are pending"))
        page.wait_for_timeout(1_500)
        server.start()
        says(page, "W12-0005")
        expect(page.locator("#waiting")).to_be_hidden()
        expect(lines(page, "failed")).to_have_count(2)  # the one that is no code, and the device after it
    assert given(school) == [("1001", "W12-0001"), ("1001", "W12-0002"), ("1002", "W12-0003"), ("1003", "W12-0005")]


def test_a_reload_loses_nothing_and_does_nothing_twice(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "W12-0001")
        page.route("**/api/scan/*", lambda route: route.abort())
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        scan(page, "W12-0002", "1002", "W12-0003")
        page.reload()
        expect(lines(page, "waiting")).to_have_count(3)
        scan(page, "W12-0004")
        page.unroute("**/api/scan/*")
        page.reload()
        says(page, "W12-0004")
        scan(page, "W12-0005")
        says(page, "W12-0005")
        expect(at_table(page).get_by_role("listitem")).to_have_count(3)
        idle(page)
        page.reload()
        assert asked == ["beforeunload"] * 2  # while something waited
    assert given(school) == [("1001", "W12-0001"), ("1001", "W12-0002"), *(("1002", f"W12-000{number}") for number in (3, 4, 5))]


@pytest.mark.parametrize("what", ["assign", "return", "undo"])
def test_a_scan_whose_answer_was_lost_is_done_once(browser: Browser, school: School, server: Server, what: str) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "W12-0001")
        lost = lose_answers(page, what, 2)
        if what == "assign":
            scan(page, "W12-0002", "W12-0003")
            says(page, "W12-0003", "Assigned to Grace Hopper (1001) with charger and case.")
        elif what == "return":
            scan(page, "MODE:RETURN", "W12-0001")
            says(page, "W12-0001", "Returned by Grace Hopper (1001) with charger and case.")
        else:
            page.keyboard.press("Control+z")
            says(page, "W12-0001", "Undone. The device is available again.")
        assert lost == [200, 200]
        expect(lines(page, "failed")).to_have_count(0)
    assert len(school.log()) == (3 if what == "assign" else 2)


def test_somebody_who_is_signed_out_loses_nothing(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "W12-0001")
        page.context.clear_cookies()
        scan(page, "W12-0002", "1002", "W12-0003")
        expect(page.locator("#signed-out")).to_be_visible()
        expect(lines(page, "waiting")).to_have_count(3)
        page.get_by_role("link", name="Sign in again").click()
        page.get_by_label("Name").fill("staff")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        says(page, "W12-0003")
    assert given(school) == [("1001", "W12-0001"), ("1001", "W12-0002"), ("1002", "W12-0003")]


def test_a_second_table_sees_the_same_and_may_undo_it(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as one, opened(browser, server, name="admin") as other:
        scan(one, "1001")
        scan(other, "1001")
        for page in (one, other):
            says(page, "Grace Hopper")
        scan(one, "W12-0001")
        expect(at_table(other).get_by_role("listitem")).to_contain_text(["W12-0001"], timeout=10_000)  # the stale panel is renewed
        expect(line(other, "W12-0001")).to_contain_text("staff")
        line(other, "W12-0001").get_by_role("button", name="Undo W12-0001").click()
        expect(line(one, "W12-0001")).to_have_attribute("data-state", "undone", timeout=10_000)
        expect(at_table(one)).to_contain_text("No devices.")
        scan(other, "W12-0002")
        expect(line(one, "W12-0002")).to_contain_text("admin", timeout=10_000)
        scan(one, "W12-0002")
        says(one, "W12-0002", "Grace Hopper already has W12-0002.")
        expect(one.locator("#list > li").filter(has_text="W12-0001")).to_have_count(1)


def test_a_student_who_is_deleted_meanwhile_leaves_the_table(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001")
        says(page, "Grace Hopper")
        with school.writing() as session:
            service.delete(session, service.get(session, "1001"))
        expect(at_table(page)).to_be_hidden(timeout=10_000)
        scan(page, "W12-0001")
        says(page, "Failed", "Scan the student first, then W12-0001.")


def test_of_two_tables_that_scan_the_same_device_one_gets_it(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as one, opened(browser, server) as other:
        scan(one, "1001")
        scan(other, "1002")
        for number in range(1, 7):
            scan(one, f"W12-{number:04d}")
            scan(other, f"W12-{number:04d}")
        for page in (one, other):
            idle(page)
        failed = lines(one, "failed").count() + lines(other, "failed").count()
        assert failed == 6
    assert sorted(tag for _, tag in given(school)) == [f"W12-{number:04d}" for number in range(1, 7)]
    assert school.miscounted() == []


def test_request_tracker_may_be_stopped_half_way_and_started_again(
    browser: Browser, school: School, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> None:
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    asked = [name for name in vars(EmbeddedAssetStore) if not name.startswith("_") and name != "page_address"]
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "W12-0001")
        with monkeypatch.context() as stopped:
            for name in asked:
                stopped.setattr(EmbeddedAssetStore, name, silent)
            scan(page, "W12-0002", "1002", "3", "MODE:RETURN", "W12-0001", "MODE:DAMAGED", "W12-0003", "MODE:ASSIGN", "1004")
            says(page, "Edsger Dijkstra")
        scan(page, "W12-0001")
        says(page, "W12-0001")
        expect(lines(page, "failed")).to_have_count(0)
    assert [log.action for log in school.log()] == ["check_in"] * 3 + ["check_out"] * 2 + ["check_in"]
    assert school.device_now("W12-0003").rt_due_at is not None  # Request Tracker is told afterwards


def test_an_error_of_the_program_holds_nobody_up(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001")
        says(page, "Grace Hopper")
        faults: list[int] = []

        def fail(route):  # type: ignore[no-untyped-def]
            if faults:
                route.continue_()
            else:
                faults.append(1)
                route.fulfill(status=500, json={"error": "Something went wrong here, and it was written down."})

        page.route("**/api/scan/assign", fail)
        scan(page, "W12-0001", "W12-0002")
        says(page, "W12-0002")
        line(page, "W12-0001").get_by_role("button", name="Retry").click()
        says(page, "W12-0001")
    assert given(school) == [("1001", "W12-0002"), ("1001", "W12-0001")]


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_edge_of_the_window_fades_only_for_those_who_like_motion(browser: Browser, school: School, server: Server, motion: str) -> None:
    with opened(browser, server, reduced_motion=motion) as page:
        scan(page, "1001")
        says(page, "Grace Hopper")
        expect(page.locator("#edge")).to_have_class("scan-edge")
        moves = page.evaluate("getComputedStyle(document.getElementById('edge')).transitionDuration")
        assert moves == ("0s" if motion == "reduce" else "0.35s")
