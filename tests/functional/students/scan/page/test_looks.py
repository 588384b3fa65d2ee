"""The station with long texts, in each width and theme: nothing overflows, everything is readable and large enough to touch."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.functional.assets.creation_page.scanning import Server
from tests.functional.web.test_pages import FAINT, OVERFLOW, SMALL_TARGETS
from tests.services.scan_station import entry, idle, opened, says, scan
from tests.services.school import School

pytestmark = pytest.mark.chromium
LONG_TAG = "A-VERY-LONG-TAG-OF-FORTY-FIVE-CHARACTERS-00001"


def test_it_fits_and_is_readable(browser: Browser, app: Flask, server: Server) -> None:
    school = School(app)
    school.student("1001", "Wolfeschlegelsteinhausenbergerdorff" * 2, "Hopper", homeroom="B12", building="Abraham Lincoln High School")
    school.student("1002", "Alan", "Turing")
    school.devices(4)
    school.device(LONG_TAG)
    school.assign("W12-0004", "1002")
    with opened(browser, server, name="admin", reduced_motion="reduce") as page:
        scan(page, "1001", "W12-0001", LONG_TAG, "W12-0004", "x" * 300)
        says(page, "Failed")
        assert page.evaluate("getComputedStyle(document.getElementById('edge')).transitionDuration") == "0s"
        expect(entry(page, "W12-0004").get_by_role("button", name="Reassign")).to_be_visible()
        for mode in ("F9", "F4", "F8"):
            page.keyboard.press(mode)
            scan(page, "W12-0001")
            idle(page)
            expect(page.locator("#edge")).to_have_class("scan-edge")
            for width in (360, 1280):
                page.set_viewport_size({"width": width, "height": 740})
                for theme in ("light", "dark"):
                    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
                    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
                    assert (page.evaluate(OVERFLOW), mode, width, theme) == ([0, []], mode, width, theme)
                    assert (page.evaluate(FAINT), mode, width, theme) == ([], mode, width, theme)
                if width == 360:
                    assert page.evaluate(SMALL_TARGETS) == []
                size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.scan-line')).fontSize)")
                assert size >= 36  # readable from a meter away
