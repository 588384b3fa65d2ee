"""An import in Chromium: the file is dropped, mapped, previewed, imported, and the import is undone."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from request_tracker_utils.tasks.jobs import run_tasks
from tests.services.apps import PASSWORD, user
from tests.services.chromium import watched
from tests.services.rosters import ALAN, GRACE, csv
from tests.services.school import School
from tests.services.showroom import served

pytestmark = pytest.mark.chromium
DROP = """([text, name]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([text], name, { type: "text/csv" }));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
}"""


def do_task(app: Flask, page: Page, link: str) -> None:
    """Runs the task, and follows its link once its page shows that it is done."""
    page.wait_for_url("**/tasks/*")
    with app.app_context():
        run_tasks()
    page.get_by_role("link", name=link).click()
    page.wait_for_url("**/students/imports/*")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_is_dropped_imported_and_undone(app: Flask, school: School, browser: Browser) -> None:
    user(app, "staff", "ada")
    school.student("1001", grade="8")
    with served(app) as url, watched(browser, viewport={"width": 360, "height": 800}) as page:
        page.goto(f"{url}/sign-in?next=/students/import")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}/students/import")
        page.get_by_text("Or drop the file here.").wait_for()
        page.evaluate(DROP, [csv(GRACE, ALAN, "1003,,X,9,,,").decode(), "sis.csv"])
        page.get_by_role("button", name="Upload file").click()
        page.wait_for_url("**/students/imports/*")
        assert page.get_by_label("Grade").input_value() == "3"
        page.get_by_label("Homeroom").select_option("")
        page.get_by_role("button", name="Preview changes").click()
        do_task(app, page, "View the preview")
        assert page.get_by_text("The first name is missing.").is_visible()
        assert "grade" in page.get_by_role("row", name="1001").inner_text().lower()
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="Import students, skip 1 row").focus()
        page.keyboard.press("Enter")
        do_task(app, page, "View the changes")
        assert page.get_by_text("created", exact=True).is_visible()
        assert (school.student_now("1001").grade, school.student_now("1001").homeroom, school.student_now("1002").grade) == ("9", "", "10")
        questions: list[str] = []
        page.on("dialog", lambda dialog: (questions.append(dialog.message), dialog.accept()))
        page.get_by_role("button", name="Undo import").click()
        do_task(app, page, "View the file")
        assert questions == ["Undo the import of sis.csv? Undoing deletes 1 record and restores 1."]
        assert page.get_by_text("The import was undone.").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert school.student_now("1001").grade == "8"
