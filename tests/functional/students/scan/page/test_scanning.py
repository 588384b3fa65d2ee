"""Giving out and taking back at the station: by scanner, by keys, by its card, and without JavaScript."""

import io
import re

import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from request_tracker_utils.students.models import RepairTicket
from tests.functional.assets.creation_page.scanning import Server, has_focus
from tests.functional.students.scan.page.scanning import at_table, line, lines, opened, says, scan, scan_at_pace
from tests.services.school import School

pytestmark = pytest.mark.chromium


@pytest.fixture
def school(app: Flask) -> School:
    school = School(app)
    school.student("1001", homeroom="B12")
    school.student("1002", "Alan", "Turing")
    school.devices(4)
    return school


def test_a_hundred_scans_in_a_row_give_thirty_students_their_devices(browser: Browser, app: Flask, server: Server) -> None:
    school = School(app)
    school.students(34)
    school.devices(66)
    codes: list[str] = []
    for number in range(33):
        codes += [str(1001 + number), f"W12-{2 * number + 1:04d}", f"SN{2 * number + 2:05d}"]
    with opened(browser, server) as page:
        scan(page, *codes, "1034")  # the field has the focus already, and nothing else is touched
        says(page, "Edsger Dijkstra", "1034, grade 9, has no device.")
        expect(lines(page)).to_have_count(100)
        assert has_focus(page) == "code"
    held = [(log.student_id, log.asset_tag) for log in school.log()]
    assert held == [(str(1001 + number // 2), f"W12-{number + 1:04d}") for number in range(66)]
    assert school.miscounted() == []


def test_each_scan_answers_in_words_by_colour_and_by_a_tone(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001")
        says(page, "Grace Hopper", "1001, grade 9, has no device.")
        expect(page.locator("#said")).to_have_class("scan-said is-good")
        expect(page.locator("#edge")).to_have_class("scan-edge is-good")
        expect(at_table(page)).to_contain_text("Devices are assigned to")
        expect(at_table(page)).to_contain_text("1001 · grade 9 · B12")
        scan(page, "1")
        says(page, "W12-0001", "Assigned to Grace Hopper (1001) with charger and case.")
        expect(at_table(page).get_by_role("listitem")).to_have_text("W12-0001 Chromebook 3100 · charger, case")
        assert page.evaluate("tones_heard") == ["sine"] * 4
        scan(page, "W12-9999")
        says(page, "Failed", "No device has the tag W12-9999. Scan again, or add the device.")
        expect(page.locator("#said")).to_have_class("scan-said is-bad")
        assert page.evaluate("tones_heard")[4:] == ["square", "square"]
        assert page.locator("#said").get_attribute("aria-live") == "assertive"
        page.get_by_label("Sound").uncheck()
        scan(page, "2")
        says(page, "W12-0002")
        assert len(page.evaluate("tones_heard")) == 6


def test_a_student_that_could_not_be_read_gets_nothing_and_neither_does_the_one_before(
    browser: Browser, school: School, server: Server
) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001", "100Z", "W12-0002")
        says(page, "Failed", "Scan the student first, then W12-0002.")
        expect(at_table(page)).to_be_hidden()
        scan(page, "1002")
        says(page, "Alan Turing")
        line(page, "W12-0002").get_by_role("button", name="Retry").click()
        says(page, "W12-0002", "Assigned to Alan Turing (1002) with charger and case.")
    assert [(log.student_id, log.asset_tag) for log in school.log()] == [("1001", "W12-0001"), ("1002", "W12-0002")]


def test_two_scans_that_ran_together_are_refused(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001W12-0002")
        says(page, "Failed", "Two scans arrived as one: W12-0001 and W12-0002. Neither was processed. Scan again, one at a time.")
        expect(at_table(page)).to_contain_text("Grace Hopper")
        scan(page, "W12-00011002")
        expect(at_table(page)).to_be_hidden()
        expect(page.locator('#said [data-of="note"]')).to_have_text("No student is selected. Scan the student again.")
    assert school.log() == []


@pytest.mark.parametrize("way", ["key", "card", "pointer"])
def test_modes_are_switched_by_key_by_card_and_by_pointer(browser: Browser, school: School, server: Server, way: str) -> None:
    with opened(browser, server) as page:

        def switch(key: str, code: str, title: str) -> None:
            if way == "key":
                page.keyboard.press(key)
            elif way == "card":
                scan(page, code)
            else:
                page.get_by_role("radio", name=title, exact=True).click()
            expect(page.get_by_role("radio", name=title, exact=True)).to_be_checked()
            assert has_focus(page) == "code"

        scan(page, "1001", "W12-0001", "W12-0002")
        switch("F4", "mode:return", "Return")
        scan(page, "W12-0001")
        says(page, "W12-0001", "Returned by Grace Hopper (1001) with charger and case.")
        expect(at_table(page)).to_contain_text("W12-0002")
        switch("F8", "MODE:DAMAGED", "Return damaged")
        scan(page, "W12-0002")
        says(page, "W12-0002", "Returned by Grace Hopper (1001) with charger and case. The device is in maintenance.")
        switch("F9", "MODE:LOOKUP", "Look up")
        scan(page, "W12-0002")
        says(page, "W12-0002", "Chromebook 3100 · S/N SN00002 · in maintenance")
        switch("F2", "MODE:ASSIGN", "Assign")
        scan(page, "W12-0001")
        says(page, "Failed", "Scan the student first, then W12-0001.")
    assert [log.action for log in school.log()] == ["check_in", "check_in", "check_out", "check_out"]


def test_the_printed_card_reads_as_the_codes_that_the_station_knows(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server, device_scale_factor=2) as page:
        page.get_by_role("link", name="Print commands").click()
        expect(page.get_by_role("heading", name="Return damaged")).to_be_visible()
        picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        found = {code.text for code in zxingcpp.read_barcodes(picture)}
        assert found == {
            "MODE:ASSIGN",
            "MODE:RETURN",
            "MODE:DAMAGED",
            "MODE:LOOKUP",
            "DO:UNDO",
            "WITHOUT:CHARGER",
            "WITHOUT:CASE",
        }


@pytest.mark.parametrize("way", ["key", "card", "button"])
def test_what_was_scanned_is_undone(browser: Browser, school: School, server: Server, way: str) -> None:
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001", "W12-0002")
        says(page, "W12-0002")
        if way == "key":
            page.keyboard.press("Control+z")
        elif way == "card":
            scan(page, "DO:UNDO")
        else:
            line(page, "W12-0002").get_by_role("button", name="Undo W12-0002").click()
        says(page, "W12-0002", "Undone. The device is available again.")
        expect(line(page, "W12-0002")).to_have_attribute("data-state", "undone")
        expect(at_table(page).get_by_role("listitem")).to_have_count(1)
        assert has_focus(page) == "code"
        page.keyboard.press("Control+z")
        says(page, "W12-0001", "Undone. The device is available again.")
        page.keyboard.press("Control+z")
        says(page, "Undo failed", "Nothing to undo.")
    assert {school.device_now(f"W12-000{number}").status for number in (1, 2)} == {"available"}


def test_a_missing_accessory_is_noted_before_or_after_the_scan(browser: Browser, school: School, server: Server) -> None:
    for tag in ("W12-0001", "W12-0002", "W12-0003"):
        school.assign(tag, "1001", accessories=["charger", "case"])
    with opened(browser, server) as page:
        page.keyboard.press("F4")
        page.get_by_label("Charger").uncheck()
        scan(page, "W12-0001")
        says(page, "W12-0001", "Returned by Grace Hopper (1001) with case. Missing: charger.")
        expect(page.get_by_label("Charger")).to_be_checked()  # it held for one device
        scan(page, "WITHOUT:CASE", "W12-0002")
        says(page, "W12-0002", "Returned by Grace Hopper (1001) with charger. Missing: case.")
        scan(page, "W12-0003")
        says(page, "W12-0003", "Returned by Grace Hopper (1001) with charger and case.")
        line(page, "W12-0003").get_by_role("button", name="Mark charger missing").click()
        says(page, "W12-0003", "Returned by Grace Hopper (1001) with case. Missing: charger.")
        expect(line(page, "W12-0003")).to_contain_text("Missing: charger.")
    assert {tag: school.log(tag)[-1].missing for tag in ("W12-0001", "W12-0002", "W12-0003")} == {
        "W12-0001": ["charger"],
        "W12-0002": ["case"],
        "W12-0003": ["charger"],
    }


def test_what_goes_with_devices_and_when_loaners_are_due(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        page.get_by_label("Case").uncheck()
        page.get_by_label("Due date").fill("2027-06-01")
        assert has_focus(page) == "code"
        scan(page, "1001", "W12-0001", "W12-0002")  # it stays for all that follow
        says(page, "W12-0002", "Assigned to Grace Hopper (1001) with charger.")
        expect(at_table(page).get_by_role("listitem").first).to_have_text("W12-0001 Chromebook 3100 · due 2027-06-01 · charger")
        page.get_by_role("button", name="Clear date").click()
        scan(page, "W12-0003")
        says(page, "W12-0003")
    assert [str(school.device_now(f"W12-000{number}").due_date) for number in (1, 2, 3)] == ["2027-06-01", "2027-06-01", "None"]


def test_damage_is_returned_with_a_ticket(browser: Browser, school: School, server: Server) -> None:
    for tag in ("W12-0001", "W12-0002"):
        school.assign(tag, "1001")
    with opened(browser, server) as page:
        page.keyboard.press("F8")
        page.get_by_label("Create a repair ticket").check()
        page.get_by_label("What to repair").fill("Screen is cracked")
        page.get_by_label("What to repair").press("Enter")
        assert has_focus(page) == "code"
        scan(page, "W12-0001")
        says(page, "W12-0001", "Returned by Grace Hopper (1001). The device is in maintenance. A repair ticket will be created.")
        expect(page.get_by_label("What to repair")).to_have_value("")
        page.get_by_label("Create a repair ticket").uncheck()
        scan(page, "W12-0002")
        says(page, "W12-0002", "Returned by Grace Hopper (1001). The device is in maintenance.")
    with school.looking() as session:
        assert list(session.scalars(select(RepairTicket.subject))) == ["W12-0001: Screen is cracked"]


@pytest.mark.parametrize("control", ["#ticket", 'input[value="damaged"]', "#ticket-wanted"])
def test_a_scan_that_goes_elsewhere_is_caught(browser: Browser, school: School, server: Server, control: str) -> None:
    school.assign("W12-0001", "1001")
    with opened(browser, server) as page:
        page.keyboard.press("F8")
        page.get_by_label("What to repair").fill("Hinge")
        page.locator(control).focus()
        scan_at_pace(page, "W12-0001", apart=0.02)
        says(page, "W12-0001", "Returned by Grace Hopper (1001). The device is in maintenance.")
        assert has_focus(page) == "code"
    assert [log.asset_tag for log in school.log()] == ["W12-0001", "W12-0001"]


def test_what_a_person_types_elsewhere_is_no_scan(browser: Browser, school: School, server: Server) -> None:
    school.assign("W12-0001", "1001")
    with opened(browser, server) as page:
        page.keyboard.press("F8")
        mended = page.get_by_label("What to repair")
        mended.focus()
        scan_at_pace(page, "W12-0001", apart=0.1)
        expect(mended).to_have_value("W12-0001")
        assert has_focus(page) == "code"
    assert [log.asset_tag for log in school.log()] == ["W12-0001"]


def test_an_administrator_reassigns_from_the_line_with_a_reason(browser: Browser, school: School, server: Server) -> None:
    school.assign("W12-0001", "1002")
    with opened(browser, server, name="admin") as page:
        scan(page, "1001", "SN00001")
        says(page, "Failed", "W12-0001 is assigned to Alan Turing (1002, grade 9). Return it first.")
        page.get_by_label("Reason to reassign to Grace Hopper").fill("Swapped in class")
        page.get_by_role("button", name="Reassign").click()
        says(page, "W12-0001", "Reassigned to Grace Hopper: Swapped in class")
        expect(at_table(page)).to_contain_text("W12-0001")
        assert has_focus(page) == "code"
    last = school.log()[-1]
    assert (last.action, last.student_id, last.notes) == ("override", "1001", "Swapped in class (before: 1002)")


def test_the_staff_is_offered_no_reassignment(browser: Browser, school: School, server: Server) -> None:
    school.assign("W12-0001", "1002")
    with opened(browser, server) as page:
        scan(page, "1001", "W12-0001")
        says(page, "Failed")
        expect(page.get_by_role("button", name="Reassign")).to_be_hidden()
        line(page, "W12-0001").get_by_role("button", name="Remove").click()
        expect(lines(page, "failed")).to_have_count(0)


def test_a_teacher_looks_up_and_changes_nothing(browser: Browser, school: School, server: Server) -> None:
    school.assign("W12-0001", "1001")
    with opened(browser, server, name="teacher") as page:
        page.keyboard.press("F4")
        scan(page, "MODE:RETURN", "W12-0001")
        says(page, "W12-0001", "Chromebook 3100 · S/N SN00001 · assigned to Grace Hopper (1001)")
        expect(page.get_by_role("button", name="Undo")).to_have_count(0)
        page.keyboard.press("Control+z")
    assert len(school.log()) == 1


def test_digits_that_are_also_a_tag_say_so(browser: Browser, school: School, server: Server) -> None:
    school.student("7")
    school.device("W12-0007")
    with opened(browser, server) as page:
        scan(page, "7")
        says(page, "Grace Hopper")
        expect(page.locator('#said [data-of="note"]')).to_have_text(re.compile("7 is also the tag W12-0007"))


def test_without_javascript_the_form_does_one_scan_at_a_time(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server, java_script_enabled=False) as page:
        for code in ("1001", "W12-0001", "MODE:DAMAGED"):
            page.get_by_label("Scan", exact=True).fill(code)
            page.keyboard.press("Enter")
            expect(page.locator('#said [data-of="words"]')).to_be_visible()
        page.get_by_label("Create a repair ticket").check()
        page.get_by_label("What to repair").fill("Hinge")
        page.get_by_label("Scan", exact=True).fill("W12-0001")
        page.keyboard.press("Enter")
        expect(page.get_by_text("A repair ticket will be created.")).to_be_visible()
    assert [log.action for log in school.log()] == ["check_in", "check_out"]
