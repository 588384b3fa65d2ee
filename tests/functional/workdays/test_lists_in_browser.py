"""From today's workdays to a report, on paper and as a file, in a real browser."""

import io
import zipfile

import pypdfium2
import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.services.apps import PASSWORD, user
from tests.services.attendance import added
from tests.services.chromium import watched
from tests.services.showroom import served
from tests.services.workdays import person, stored, workday

pytestmark = pytest.mark.chromium


def test_a_report_is_found_printed_and_exported(app: Flask, browser: Browser) -> None:
    with app.app_context():
        added()
        ada, grace = person("Ada Lovelace", "17"), person("Grace Hopper", "18")
        stored(
            workday("17", "2026-03-02", "08:00-17:00", person_id=ada),
            workday("17", "2026-03-03", "08:20-17:00", person_id=ada, is_late=True),
            workday("18", "2026-03-03", "08:00", person_id=grace),
        )
    user(app, "staff", "mary")
    with served(app) as url, watched(browser, base_url=url) as page:
        page.goto("/sign-in?next=/workdays")
        page.get_by_label("Name").fill("mary")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Show").select_option("To review")
        page.get_by_role("button", name="Filter").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("link", name="Grace Hopper").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Grace Hopper")
        page.get_by_role("link", name="2026-03-03: 0:00, incomplete").click()
        expect(page.get_by_role("heading", name="Times")).to_be_visible()
        page.get_by_role("link", name="Show day").click()
        expect(page.locator(".day-line .worked")).to_have_count(2)

        page.get_by_role("navigation", name="Workdays").get_by_role("link", name="Reports").click()
        page.get_by_label("Report").select_option("Week")
        page.get_by_label("With the day").fill("2026-03-04")
        page.get_by_role("button", name="Show report").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Week 2026-03-02 to 2026-03-08")
        expect(page.get_by_role("row", name="Ada Lovelace")).to_contain_text("17:40")
        expect(page.get_by_role("row", name="2 people")).to_contain_text("17:40")

        printed = pypdfium2.PdfDocument(page.pdf())
        text = printed[0].get_textpage().get_text_bounded()
        assert (len(printed), "Ada Lovelace" in text, "17:40" in text) == (1, True, True)
        assert [each for each in ("Show report", "Download", "Compute", "Previous") if each in text] == [], "only the report is printed"

        with page.expect_download() as download:
            page.get_by_role("link", name="Download XLSX").click()
        assert download.value.suggested_filename == "workdays-2026-03-02-to-2026-03-08.xlsx"
        with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as book:
            assert b"Ada Lovelace" in book.read("xl/worksheets/sheet1.xml")
