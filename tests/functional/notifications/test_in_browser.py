"""The pages of notifications in Chromium, on a phone and on a desk, with and without JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.services.apps import PASSWORD, make_app, ready, user
from tests.services.chromium import watched
from tests.services.messages import add_message, code_sent, stored_messages, suppress
from tests.services.showroom import served

pytestmark = pytest.mark.chromium


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[tuple[Flask, str]]:
    """A running app with the administrator ada, and its address."""
    app = ready(make_app(tmp_path, database_url=database_url))
    user(app, "admin", "ada", email="ada@example.org")
    with served(app) as url:
        yield app, url


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.parametrize(("width", "scripts"), [(360, True), (1280, True), (360, False)])
def test_failed_messages_are_found_and_sent_again(office: tuple[Flask, str], browser: Browser, width: int, scripts: bool) -> None:
    app, url = office
    reason = "Resend sends only to its owner until a domain is verified."
    failed = [add_message(app, address=f"a{number}@example.org", error_message=reason) for number in range(3)]
    uncertain = add_message(app, "ada", status="uncertain", notification_type="sms", address="+12025550123")
    add_message(app, status="sent", address="b@example.org")
    settings = {"viewport": {"width": width, "height": 800}, "java_script_enabled": scripts}
    with watched(browser, **settings) as page:
        sign_in(page, url)
        page.goto(f"{url}/notifications")
        page.get_by_label("Status").select_option("Failed")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("tbody tr")).to_have_count(3)
        assert fits(page)
        expect(page.get_by_text(reason).first).to_be_visible()
        for message_id in failed[:2]:
            page.get_by_label(f"Select message {message_id}").check()
        page.get_by_role("button", name="Send 2 messages again" if scripts else "Send again").click()
        expect(page.get_by_text("2 messages are sent again.")).to_be_visible()
        expect(page.get_by_label("Status")).to_have_value("failed")
        page.goto(f"{url}/notifications/{uncertain}")
        assert fits(page)
        expect(page.get_by_text("it may arrive twice")).to_be_visible()
        page.get_by_role("link", name="All messages").click()
        page.get_by_label("Recipient").fill("a2@example.org")
        page.get_by_role("button", name="Search").click()
        page.locator("tbody a").click()
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("The message is sent again")).to_be_visible()
    assert len(stored_messages(app)) == 8


@pytest.mark.parametrize(("width", "scripts"), [(360, True), (1280, True), (360, False)])
def test_a_phone_number_is_confirmed_and_an_address_removed(office: tuple[Flask, str], browser: Browser, width: int, scripts: bool) -> None:
    app, url = office
    suppress(app, "gone@example.org")
    with watched(browser, viewport={"width": width, "height": 800}, java_script_enabled=scripts) as page:
        sign_in(page, url)
        page.goto(f"{url}/me")
        page.get_by_role("link", name="Notifications", exact=True).click()
        expect(page.get_by_role("heading", name="Your notifications")).to_be_visible()
        assert fits(page)
        assert page.evaluate("[...document.querySelectorAll('label[for]')].every((label) => label.control)")
        page.get_by_role("textbox", name="Phone number").fill("+1 202 555 0123")
        page.get_by_role("button", name="Send code").click()
        expect(page.get_by_text("A code was sent to +12025550123")).to_be_visible()
        assert fits(page)
        page.get_by_role("textbox", name="Code").fill("12345")
        page.get_by_role("button", name="Confirm number").click()
        expect(page.locator("#code-error")).to_have_text("Enter the 6 digits of the code in the text message.")
        page.get_by_role("textbox", name="Code").fill(code_sent(app))
        page.get_by_role("button", name="Confirm number").click()
        expect(page.get_by_text("Text messages to you are sent there.")).to_be_visible()
        page.get_by_label("Quiet from").fill("21:00")
        page.get_by_label("Quiet until").fill("06:30")
        page.get_by_role("button", name="Save settings").click()
        expect(page.get_by_text("Your notification settings were saved.")).to_be_visible()
        expect(page.get_by_label("Quiet until")).to_have_value("06:30")
        page.goto(f"{url}/notifications/suppressed")
        assert fits(page)
        page.get_by_label("Reason for removing gone@example.org").fill("It works again.")
        button = page.get_by_role("button", name="Remove gone@example.org")
        box = button.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
        button.click()
        expect(page.get_by_text("Messages to gone@example.org are sent again.")).to_be_visible()
