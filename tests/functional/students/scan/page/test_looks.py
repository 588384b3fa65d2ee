"""The station at its fullest, in each look: nothing reaches over the edge, everything can be read and touched."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.functional.assets.creation_page.scanning import Server
from tests.functional.students.scan.page.scanning import idle, line, opened, says, scan
from tests.functional.web.test_pages import FAINT, OVERFLOW, SMALL_TARGETS
from tests.services.school import School

pytestmark = pytest.mark.chromium


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_can_be_read(browser: Browser, app: Flask, server: Server, width: int, theme: str) -> None:
    school = School(app)
    school.student("1001", "Wolfeschlegelsteinhausenbergerdorff" * 2, "Hopper", homeroom="B12", building="Abraham Lincoln High School")
    school.student("1002", "Alan", "Turing")
    school.devices(4)
    school.device("A-VERY-LONG-TAG-OF-FORTY-FIVE-CHARACTERS-00001")
    school.assign("W12-0004", "1002")
    look = {"viewport": {"width": width, "height": 740}, "color_scheme": theme, "reduced_motion": "reduce"}
    with opened(browser, server, name="admin", **look) as page:
        scan(page, "1001", "W12-0001", "A-VERY-LONG-TAG-OF-FORTY-FIVE-CHARACTERS-00001", "W12-0004", "x" * 300)
        says(page, "Failed")
        expect(line(page, "W12-0004").get_by_role("button", name="Reassign")).to_be_visible()
        for mode in ("F9", "F4", "F8"):
            page.keyboard.press(mode)
            scan(page, "W12-0001")
            idle(page)
            expect(page.locator("#edge")).to_have_class("scan-edge")
            assert page.evaluate(OVERFLOW) == [0, []]
            assert page.evaluate(FAINT) == []
            if width == 360:
                assert page.evaluate(SMALL_TARGETS) == []
        size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.scan-line')).fontSize)")
        assert size >= 36  # read from a metre away
