"""The scan station by keyboard, scanner and pointer. One page proves a group of behaviors: starting one is most of a test."""

import io
import re

import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from request_tracker_utils.students.models import RepairTicket
from tests.functional.assets.creation_page.scanning import Server, has_focus
from tests.services.scan_station import current_student, entries, entry, opened, says, scan
from tests.services.scanner import press_keys
from tests.services.school import School

pytestmark = pytest.mark.chromium
ACCESSORIES = "with charger and case."
RECORD_LOOKS = """() => {
    const edge = document.getElementById("edge");
    window.looks = [];
    new MutationObserver(() => looks.push(edge.className)).observe(edge, {attributes: true});
}"""
"""The edge has its color only for a moment, which may be over when a test looks."""


def test_a_hundred_scans_in_a_row_assign_all_devices(browser: Browser, app: Flask, server: Server) -> None:
    school = School(app)
    school.students(34)
    school.devices(66)
    codes: list[str] = []
    for number in range(33):
        codes += [str(1001 + number), f"W12-{2 * number + 1:04d}", f"SN{2 * number + 2:05d}"]
    with opened(browser, server) as page:
        scan(page, *codes, "1034")  # the field has the focus from the start
        says(page, "Edsger Dijkstra", "1034, grade 9, has no device.")
        expect(entries(page)).to_have_count(100)
        assert has_focus(page) == "code"
    assigned = [(log.student_id, log.asset_tag) for log in school.log()]
    assert assigned == [(str(1001 + number // 2), f"W12-{number + 1:04d}") for number in range(66)]
    assert school.miscounted() == []


def test_results_are_shown_by_text_color_and_tone(browser: Browser, school: School, server: Server) -> None:
    school.student("7")
    with opened(browser, server) as page:
        note = page.locator('#said [data-of="note"]')
        page.evaluate(RECORD_LOOKS)

        # success
        scan(page, "1001")
        says(page, "Grace Hopper", "1001, grade 9, has no device.")
        expect(page.locator("#said")).to_have_class("scan-said is-good")
        expect(page.locator("#said")).to_have_attribute("aria-live", "assertive")
        page.wait_for_function("looks.includes('scan-edge is-good')")
        expect(page.locator("#edge")).to_have_class("scan-edge")
        assert page.evaluate("getComputedStyle(document.getElementById('edge')).transitionDuration") == "0.35s"
        expect(current_student(page)).to_contain_text("Devices are assigned to")
        expect(current_student(page)).to_contain_text("1001 · grade 9 · B12")
        scan(page, "1")
        says(page, "W12-0001", f"Assigned to Grace Hopper (1001) {ACCESSORIES}")
        expect(current_student(page).get_by_role("listitem")).to_have_text("W12-0001 Chromebook 3100 · charger, case")
        expect(entry(page, "W12-0001")).to_contain_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"))
        assert page.evaluate("tones_heard") == ["sine"] * 4

        # failure
        scan(page, "W12-9999")
        says(page, "Failed", "No device has the tag W12-9999. Scan again, or add the device.")
        expect(page.locator("#said")).to_have_class("scan-said is-bad")
        assert page.evaluate("tones_heard")[4:] == ["square", "square"]
        page.get_by_label("Sound").uncheck()
        scan(page, "2")
        says(page, "W12-0002")
        assert len(page.evaluate("tones_heard")) == 6

        # merged scans
        scan(page, "W12-0003W12-0004")
        merged = "Two scans arrived as one: W12-0003 and W12-0004. Neither was processed. Scan again, one at a time."
        says(page, "Failed", merged)
        expect(current_student(page)).to_contain_text("Grace Hopper")
        scan(page, "W12-00031002")
        expect(current_student(page)).to_be_hidden()
        expect(note).to_have_text("No student is selected. Scan the student again.")

        # a code that may have been a student deselects the one before
        scan(page, "1001", "100Z", "W12-0005")
        says(page, "Failed", "Scan the student first, then W12-0005.")
        expect(current_student(page)).to_be_hidden()
        scan(page, "1002")
        says(page, "Alan Turing")
        entry(page, "W12-0005").get_by_role("button", name="Retry").click()
        says(page, "W12-0005", f"Assigned to Alan Turing (1002) {ACCESSORIES}")

        # digits of a student that are also a tag
        scan(page, "7")
        says(page, "Grace Hopper")
        expect(note).to_have_text(re.compile("7 is also the tag W12-0007"))
    assert [(log.student_id, log.asset_tag) for log in school.log()] == [
        ("1001", "W12-0001"),
        ("1001", "W12-0002"),
        ("1002", "W12-0005"),
    ]


def test_modes_change_by_key_command_and_pointer(browser: Browser, school: School, server: Server) -> None:
    def switch(page: Page, way: str, key: str, code: str, title: str) -> None:
        radio = page.get_by_role("radio", name=title, exact=True)
        if way == "key":
            page.keyboard.press(key)
        elif way == "command":
            scan(page, code)
        else:
            radio.click()
        expect(radio).to_be_checked()
        assert has_focus(page) == "code"

    with opened(browser, server, device_scale_factor=2) as page:
        for number, way in enumerate(("key", "command", "pointer")):
            one, other = f"W12-{2 * number + 1:04d}", f"W12-{2 * number + 2:04d}"
            switch(page, way, "F2", "MODE:ASSIGN", "Assign")
            scan(page, "1001", one, other)
            switch(page, way, "F4", "mode:return", "Return")
            scan(page, one)
            says(page, one, f"Returned by Grace Hopper (1001) {ACCESSORIES}")
            expect(current_student(page)).to_contain_text(other)
            switch(page, way, "F8", "MODE:DAMAGED", "Return damaged")
            scan(page, other)
            says(page, other, f"Returned by Grace Hopper (1001) {ACCESSORIES} The device is in maintenance.")
            switch(page, way, "F9", "MODE:LOOKUP", "Look up")
            scan(page, other)
            says(page, other, f"Chromebook 3100 · S/N SN{2 * number + 2:05d} · in maintenance")
            switch(page, way, "F2", "MODE:ASSIGN", "Assign")
            scan(page, one)
            says(page, "Failed", f"Scan the student first, then {one}.")

        # the printed commands are those that the station knows
        page.get_by_role("link", name="Print commands").click()
        expect(page.get_by_role("heading", name="Return damaged")).to_be_visible()
        picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        assert {code.text for code in zxingcpp.read_barcodes(picture)} == {
            "MODE:ASSIGN",
            "MODE:RETURN",
            "MODE:DAMAGED",
            "MODE:LOOKUP",
            "DO:UNDO",
            "TEST:Qwazy-M019",
            "WITHOUT:CHARGER",
            "WITHOUT:CASE",
        }
    assert [log.action for log in school.log()] == ["check_in", "check_in", "check_out", "check_out"] * 3


def test_scans_are_undone_by_key_command_and_button(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        for number, way in enumerate(("key", "command", "button")):
            one, other = f"W12-{2 * number + 1:04d}", f"W12-{2 * number + 2:04d}"
            scan(page, "1001", one, other)
            says(page, other)
            if way == "key":
                page.keyboard.press("Control+z")
            elif way == "command":
                scan(page, "DO:UNDO")
            else:
                entry(page, other).get_by_role("button", name=f"Undo {other}").click()
            says(page, other, "Undone. The device is available again.")
            expect(entry(page, other)).to_have_attribute("data-state", "undone")
            expect(current_student(page).get_by_role("listitem")).to_have_count(1)
            assert has_focus(page) == "code"
            page.keyboard.press("Control+z")
            says(page, one, "Undone. The device is available again.")
        page.keyboard.press("Control+z")
        says(page, "Undo failed", "Nothing to undo.")
    assert {school.device_now(f"W12-000{number}").status for number in range(1, 7)} == {"available"}


def test_accessories_due_dates_and_tickets(browser: Browser, school: School, server: Server) -> None:
    for tag in ("W12-0004", "W12-0005", "W12-0006", "W12-0007", "W12-0008"):
        school.assign(tag, "1002", accessories=["charger", "case"])
    with opened(browser, server) as page:
        # accessories and due dates stay for all that follow
        page.get_by_label("Case").uncheck()
        page.get_by_label("Due date (").fill("2999-06-01")
        assert has_focus(page) == "code"
        scan(page, "1001", "W12-0001", "W12-0002")
        says(page, "W12-0002", "Assigned to Grace Hopper (1001) with charger.")
        expect(current_student(page).get_by_role("listitem").first).to_have_text("W12-0001 Chromebook 3100 · due 2999-06-01 · charger")
        page.get_by_role("button", name="Clear date").click()
        scan(page, "W12-0003")
        says(page, "W12-0003")

        # a missing accessory is recorded before or after the scan, for one device
        page.keyboard.press("F4")
        page.get_by_label("Charger").uncheck()
        scan(page, "W12-0004")
        says(page, "W12-0004", "Returned by Alan Turing (1002) with case. Missing: charger.")
        expect(page.get_by_label("Charger")).to_be_checked()
        scan(page, "WITHOUT:CASE", "W12-0005")
        says(page, "W12-0005", "Returned by Alan Turing (1002) with charger. Missing: case.")
        scan(page, "W12-0006")
        says(page, "W12-0006", f"Returned by Alan Turing (1002) {ACCESSORIES}")
        entry(page, "W12-0006").get_by_role("button", name="Mark charger missing").click()
        says(page, "W12-0006", "Returned by Alan Turing (1002) with case. Missing: charger.")
        expect(entry(page, "W12-0006")).to_contain_text("Missing: charger.")

        # damage
        page.keyboard.press("F8")
        page.get_by_label("Create a repair ticket").check()
        page.get_by_label("What to repair").fill("Screen is cracked")
        page.get_by_label("What to repair").press("Enter")
        assert has_focus(page) == "code"
        scan(page, "W12-0007")
        damaged = f"Returned by Alan Turing (1002) {ACCESSORIES} The device is in maintenance."
        says(page, "W12-0007", f"{damaged} A repair ticket will be created.")
        expect(page.get_by_label("What to repair")).to_have_value("")
        page.get_by_label("Create a repair ticket").uncheck()
        scan(page, "W12-0008")
        says(page, "W12-0008", damaged)
    due_dates = [str(school.device_now(f"W12-000{number}").due_date) for number in (1, 2, 3)]
    assert due_dates == ["2999-06-01", "2999-06-01", "None"]
    assert [school.log(f"W12-000{number}")[-1].missing for number in (4, 5, 6)] == [["charger"], ["case"], ["charger"]]
    with school.looking() as session:
        assert list(session.scalars(select(RepairTicket.subject))) == ["W12-0007: Screen is cracked"]


def test_scans_in_other_controls_are_recognized_and_typing_is_not(browser: Browser, school: School, server: Server) -> None:
    for number in (1, 2, 3, 4):
        school.assign(f"W12-000{number}", "1001")
    with opened(browser, server) as page:
        page.keyboard.press("F8")
        repair = page.get_by_label("What to repair")
        for number, control in enumerate(("#ticket", 'input[value="damaged"]', "#ticket-wanted"), 1):
            repair.fill("Hinge")
            page.locator(control).focus()
            press_keys(page, f"W12-000{number}\n", apart=0.02)
            says(page, f"W12-000{number}", "Returned by Grace Hopper (1001). The device is in maintenance.")
            assert has_focus(page) == "code"
        repair.focus()
        press_keys(page, "W12-0004\n", apart=0.1)
        expect(repair).to_have_value("W12-0004")
        assert has_focus(page) == "code"
    assert [log.asset_tag for log in school.log() if log.action == "check_out"] == ["W12-0001", "W12-0002", "W12-0003"]


def test_each_role_has_its_modes_and_buttons(browser: Browser, school: School, server: Server) -> None:
    school.assign("W12-0001", "1002")
    with opened(browser, server, name="teacher") as page:
        page.keyboard.press("F4")
        scan(page, "MODE:RETURN", "W12-0001")
        says(page, "W12-0001", "Chromebook 3100 · S/N SN00001 · assigned")  # the teacher has no school
        expect(page.get_by_role("button", name="Undo")).to_have_count(0)
        page.keyboard.press("Control+z")
    assert len(school.log()) == 1
    with opened(browser, server, name="staff") as page:
        scan(page, "1001", "W12-0001")
        says(page, "Failed")
        expect(page.get_by_role("button", name="Reassign")).to_be_hidden()
        entry(page, "W12-0001").get_by_role("button", name="Remove").click()
        expect(entries(page, "failed")).to_have_count(0)
    with opened(browser, server, name="admin") as page:
        scan(page, "1001", "SN00001")
        says(page, "Failed", "W12-0001 is assigned to Alan Turing (1002, grade 9). Return it first.")
        page.get_by_label("Reason for reassigning to Grace Hopper").fill("Swapped in class")
        page.get_by_role("button", name="Reassign").click()
        says(page, "W12-0001", "Reassigned to Grace Hopper: Swapped in class")
        expect(current_student(page)).to_contain_text("W12-0001")
        assert has_focus(page) == "code"
    last = school.log()[-1]
    assert (last.action, last.student_id, last.notes) == ("override", "1001", "Swapped in class (before: 1002)")


def test_a_due_date_in_the_past_is_questioned(browser: Browser, school: School, server: Server) -> None:
    with opened(browser, server) as page:
        allow = page.get_by_label("Allow a due date in the past")
        expect(allow).to_be_hidden()
        page.get_by_label("Due date (").fill("2020-01-02")
        expect(allow).to_be_visible()
        scan(page, "1001", "W12-0001")
        says(page, "Failed", "The due date 2020-01-02 is in the past. Correct it, or allow a due date in the past.")
        allow.check()
        assert has_focus(page) == "code"
        entry(page, "W12-0001").get_by_role("button", name="Retry").click()
        says(page, "W12-0001")
        scan(page, "W12-0002")  # allowed for this date
        says(page, "W12-0002")
        page.get_by_label("Due date (").fill("2020-01-03")
        expect(allow).not_to_be_checked()
        scan(page, "W12-0003")
        says(page, "Failed")
        page.get_by_label("Due date (").fill("2999-06-01")
        expect(allow).to_be_hidden()
        entry(page, "W12-0003").get_by_role("button", name="Retry").click()
        says(page, "W12-0003")
    due_dates = [str(school.device_now(f"W12-000{number}").due_date) for number in (1, 2, 3)]
    assert due_dates == ["2020-01-02", "2020-01-02", "2999-06-01"]


def test_without_javascript_the_form_processes_one_scan_at_a_time(browser: Browser, school: School, server: Server) -> None:
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
